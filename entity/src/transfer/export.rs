//! A tenant, written as lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use migration::DEPARTURES;
use sea_orm::Statement;
use serde_json::{Value, json};
use uuid::Uuid;

use super::line::{Chain, FORMAT, Head, ImportedTenant, Line, WrappedKey};
use crate::connection::{Access, Lease};
use crate::encryption::Keyring;
use crate::entities::tenant;
use crate::error::{Error, Keys};
use crate::moving::check_known;
use crate::platform::{AuditEntry, Platform};
use crate::resource::now;
use crate::rows::{Batches, Rows, Table, tables};
use crate::turns::Turn;
use crate::vocabulary::Contents;

/// An export that is being written: everything as it was at one moment, a bounded number of bytes at a time.
pub struct Export {
    tenant: Uuid,
    _turn: Turn,
    /// Keeps what is read as it was; gone when all has been read.
    lease: Option<Lease>,
    chain: Chain,
    head: Option<Box<Head>>,
    tables: Vec<Table>,
    batches: Batches,
    rows: BTreeMap<String, u64>,
    /// What texts are opened with, unless they are exported as they are stored.
    keys: Option<Arc<Keyring>>,
}

impl Platform<'_> {
    /// Begins to export a tenant in whatever state it is, other than being provisioned.
    pub async fn tenant_export(&self, tenant: &tenant::Model, contents: Contents) -> Result<Export, Error> {
        check_known(tenant)?;
        let place = self.database().place_of(tenant)?;
        let entry =
            AuditEntry { action: "tenant.export", tenant_id: Some(tenant.id), detail: json!({ "contents": contents }) };
        self.audit_record(entry).await?;
        let turn = self.database().exports.turn().await?;
        let mut lease = Rows::new(tenant.id, &Arc::clone(&place)).begin(Access::Snapshot).await?;
        let mut head = head(tenant, contents);
        let keys = Arc::clone(&self.database().keys);
        if contents == Contents::Sealed {
            head.data_keys = wrapped(&keys, tenant.id, &mut lease).await?;
        }
        let mut tables = tables();
        tables.reverse();
        // Fails here, while there is still an answer to give, if the place is missing.
        if let Some(first) = tables.last() {
            Batches::new(tenant.id).next(first, &mut lease).await?;
        }
        Ok(Export {
            tenant: tenant.id,
            _turn: turn,
            lease: Some(lease),
            chain: Chain::default(),
            head: Some(Box::new(head)),
            batches: Batches::new(tenant.id),
            rows: tables.iter().map(|table| (table.name.clone(), 0)).collect(),
            tables,
            keys: (contents == Contents::Plain).then_some(keys),
        })
    }
}

/// Read after the moment that the rows are of, which is that of the first statement: their keys were there before them.
async fn wrapped(keys: &Keyring, tenant: Uuid, lease: &mut Lease) -> Result<Vec<WrappedKey>, Error> {
    lease
        .rows(Statement::from_string(lease.backend(), format!("SELECT 1 FROM {DEPARTURES} LIMIT 1")), Keys::default())
        .await?;
    let keys = keys.wrapped(tenant).await?.into_iter();
    Ok(keys
        .map(|key| WrappedKey { version: key.version, wrapped: key.wrapped, master_key_id: key.master_key_id })
        .collect())
}

fn head(tenant: &tenant::Model, contents: Contents) -> Head {
    Head {
        tenantry: "export".to_owned(),
        format: FORMAT,
        exported_at: now(),
        contents,
        tenant: ImportedTenant {
            id: tenant.id,
            slug: tenant.slug.clone(),
            name: tenant.name.clone(),
            isolation: tenant.isolation,
            suspended: tenant.suspended,
            domains: tenant.domains.0.clone(),
            limits: tenant.limits.clone(),
            created_at: tenant.created_at,
        },
        data_keys: Vec::new(),
    }
}

impl Export {
    /// The next lines; none after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if let Some(head) = self.head.take() {
            return self.sealed(Line::Head(head)).map(Some);
        }
        while let (Some(table), Some(lease)) = (self.tables.last(), &mut self.lease) {
            let mut batch = self.batches.next(table, lease).await?;
            if batch.is_empty() {
                self.tables.pop();
                self.batches = Batches::new(self.tenant);
                continue;
            }
            let (name, mut text) = (table.name.clone(), Vec::new());
            *self.rows.entry(name.clone()).or_default() += batch.len() as u64;
            if let Some(keys) = &self.keys {
                for row in &mut batch {
                    table.open(row, self.tenant, keys).await?;
                }
            }
            for row in &batch {
                let Value::Object(row) = table.to_json(row) else { continue };
                let sealed = self.chain.seal(&Line::Row { table: name.clone(), row });
                text.extend(sealed.map_err(unwritable)?.into_bytes());
            }
            return Ok(Some(text));
        }
        let Some(lease) = self.lease.take() else { return Ok(None) };
        lease.commit().await?;
        let end = std::mem::take(&mut self.rows);
        self.sealed(Line::End { end }).map(Some)
    }

    fn sealed(&mut self, line: Line) -> Result<Vec<u8>, Error> {
        self.chain.seal(&line).map(String::into_bytes).map_err(unwritable)
    }
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::Internal(error.to_string())
}
