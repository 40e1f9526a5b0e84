//! A tenant, written as lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::line::{Chain, FORMAT, Head, ImportedTenant, Line};
use crate::connection::{Access, Lease};
use crate::entities::tenant;
use crate::error::Error;
use crate::moving::check_known;
use crate::platform::{AuditEntry, Platform};
use crate::resource::now;
use crate::rows::{Batches, Rows, Table, tables};
use crate::turns::Turn;

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
}

impl Platform<'_> {
    /// Begins to export a tenant in whatever state it is, other than being provisioned.
    pub async fn tenant_export(&self, tenant: &tenant::Model) -> Result<Export, Error> {
        check_known(tenant)?;
        let place = self.database().place_of(tenant)?;
        let entry = AuditEntry { action: "tenant.export", tenant_id: Some(tenant.id), detail: json!({}) };
        self.audit_record(entry).await?;
        let turn = self.database().exports.turn().await?;
        let mut lease = Rows::new(tenant.id, &Arc::clone(&place)).begin(Access::Snapshot).await?;
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
            head: Some(Box::new(head(tenant))),
            batches: Batches::new(tenant.id),
            rows: tables.iter().map(|table| (table.name.clone(), 0)).collect(),
            tables,
        })
    }
}

fn head(tenant: &tenant::Model) -> Head {
    Head {
        tenantry: "export".to_owned(),
        format: FORMAT,
        exported_at: now(),
        contents: "plain".to_owned(),
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
    }
}

impl Export {
    /// The next lines; none after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if let Some(head) = self.head.take() {
            return self.sealed(Line::Head(head)).map(Some);
        }
        while let (Some(table), Some(lease)) = (self.tables.last(), &mut self.lease) {
            let batch = self.batches.next(table, lease).await?;
            if batch.is_empty() {
                self.tables.pop();
                self.batches = Batches::new(self.tenant);
                continue;
            }
            let (name, mut text) = (table.name.clone(), Vec::new());
            *self.rows.entry(name.clone()).or_default() += batch.len() as u64;
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
