//! A tenant, made from lines: all of it or nothing.
//!
//! It is being provisioned until the last line has been read. If a line cannot be taken, or no more come, it is undone; if the
//! process dies, whoever finds it undoes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryTrait, StatementBuilder};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::line::{Chain, FORMAT, Head, ImportedTenant, Line};
use super::origin::{Origin, OriginError, TakeError};
use crate::connection::Lease;
use crate::database::Database;
use crate::encryption::Keyring;
use crate::entities::operation::{self, Location};
use crate::entities::{slug, tenant};
use crate::error::{Error, Keys};
use crate::gatekeeper::PlatformAdmin;
use crate::operations::{Ended, Record, new_operation, running_of};
use crate::owner::TenantLock;
use crate::place::Place;
use crate::platform::{NewTenant, Platform, newest_schema, raise, serve, tenant_by_id, undo};
use crate::rows::{Row, Rows, Table, tables};
use crate::turns::Turn;
use crate::vocabulary::{Isolation, OperationKind, TenantStatus};

/// Longest line, in bytes: a row's texts, however they are escaped.
const LONGEST_LINE: usize = 64 << 20;

/// Rows are written when there are so many of them, or so many bytes of lines.
const MOST_ROWS: usize = 500;
const MOST_BYTES: usize = 4 << 20;

/// What is decided by whoever imports; the rest is as it was exported.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Another short name.
    pub slug: Option<String>,
    /// Where the rows are to live. As they did, where that is possible; otherwise in shared tables.
    pub isolation: Option<Isolation>,
    /// On which further server; none for the first.
    pub datastore: Option<String>,
    /// Whether its custom domains stay behind, as they must where they name another tenant.
    pub without_domains: bool,
}

/// Says what is wrong with a tenant that is to be imported, if anything.
type Judge = Box<dyn Fn(&ImportedTenant) -> Result<(), String> + Send>;

/// An import that is being read.
pub struct Import {
    database: Database,
    admin: PlatformAdmin,
    options: ImportOptions,
    judge: Judge,
    chain: Chain,
    line: u64,
    /// What has come of the next line.
    partial: Vec<u8>,
    begun: Option<Begun>,
}

/// An import whose first line has been read.
struct Begun {
    _turn: Turn,
    tenant: tenant::Model,
    suspended: bool,
    operation: operation::Model,
    lock: TenantLock,
    place: Arc<Place>,
    tables: Vec<Table>,
    /// Which table the lines are at.
    at: usize,
    rows: Vec<Row>,
    bytes: usize,
    written: BTreeMap<String, u64>,
    ended: bool,
    origin: Origin,
    keys: Arc<Keyring>,
}

impl Platform<'_> {
    /// Begins an import. `judge` has the first word about the tenant that the lines tell of.
    pub fn tenant_import(
        &self,
        options: ImportOptions,
        judge: impl Fn(&ImportedTenant) -> Result<(), String> + Send + 'static,
    ) -> Import {
        Import {
            database: self.database().clone(),
            admin: PlatformAdmin::by_operation(self.operator()),
            options,
            judge: Box::new(judge),
            chain: Chain::default(),
            line: 0,
            partial: Vec::new(),
            begun: None,
        }
    }
}

impl Import {
    /// Takes the next bytes. After an error, nothing is left of the import, and nothing more can be taken.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let outcome = self.try_push(bytes).await;
        self.undone_if_failed(outcome).await
    }

    /// Ends the import: the tenant is served.
    pub async fn finish(mut self) -> Result<tenant::Model, Error> {
        let outcome = self.try_finish().await;
        self.undone_if_failed(outcome).await
    }

    async fn try_push(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.partial.extend(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.partial);
            self.take(line).await?;
        }
        self.partial.extend(bytes);
        if self.partial.len() > LONGEST_LINE {
            return Err(bad(self.line + 1, "is too long"));
        }
        Ok(())
    }

    async fn take(&mut self, line: Vec<u8>) -> Result<(), Error> {
        self.line += 1;
        let number = self.line;
        let size = line.len();
        let text = String::from_utf8(line).map_err(|_| bad(number, "is no text"))?;
        let line = self.chain.open(&text).map_err(|why| bad(number, &why))?;
        match (line, &mut self.begun) {
            (Line::Head(head), None) => self.begin(*head).await,
            (_, None) => Err(bad(number, "is not the first line of an export")),
            (Line::Head(_), Some(_)) => Err(bad(number, "begins another export")),
            (_, Some(begun)) if begun.ended => Err(bad(number, "comes after the end")),
            (Line::Row { table, row }, Some(begun)) => begun.row(number, &table, &row, size).await,
            (Line::End { end }, Some(begun)) => begun.end(number, &end).await,
        }
    }

    async fn begin(&mut self, head: Head) -> Result<(), Error> {
        if head.tenantry != "export" || head.format != FORMAT {
            return Err(bad(1, "is of a format that this version does not know"));
        }
        let origin = Origin::new(&self.database, &head).await.map_err(|error| match error {
            OriginError::Unopenable(why) => bad(1, &why),
            OriginError::Other(error) => error,
        })?;
        let mut told = head.tenant;
        if let Some(slug) = &self.options.slug {
            slug.clone_into(&mut told.slug);
        }
        if self.options.without_domains {
            told.domains.clear();
        }
        (self.judge)(&told).map_err(|why| bad(1, &why))?;
        if !(DateTime::UNIX_EPOCH..=Utc::now()).contains(&told.created_at) {
            return Err(bad(1, "says that the tenant was made before 1970 or is yet to be made"));
        }
        let database = self.database.clone();
        let platform = database.platform(&self.admin);
        let isolation = self.isolation(&platform, told.isolation)?;
        let id = if is_known(&database, told.id).await? { Uuid::now_v7() } else { told.id };
        let turn = database.imports.turn().await?;
        // Taken before anybody can see that there is something to be gone on with.
        let mut lock = TenantLock::try_take(&database, id).await?.ok_or(Error::Busy)?;
        let place = Location { isolation, datastore: self.options.datastore.clone() };
        let operation = new_operation(&platform, id, OperationKind::Import, place.clone(), place);
        let new = NewTenant {
            id: Some(id),
            slug: told.slug,
            name: told.name,
            isolation,
            datastore: self.options.datastore.clone(),
            domains: told.domains,
            limits: told.limits,
            created_at: Some(told.created_at),
        };
        let tenant = platform.tenant_enter(new, TenantStatus::Provisioning, Some(&operation)).await?;
        let place = database.place_of(&tenant)?;
        if !place.has_catalog() {
            raise(&database, &tenant, &mut lock).await?;
        }
        let written = tables().into_iter().map(|table| (table.name, 0)).collect();
        self.begun = Some(Begun {
            _turn: turn,
            tenant,
            suspended: told.suspended,
            operation,
            lock,
            place,
            tables: tables(),
            at: 0,
            rows: Vec::new(),
            bytes: 0,
            written,
            ended: false,
            origin,
            keys: Arc::clone(&database.keys),
        });
        Ok(())
    }

    /// As asked for, or as it was, or shared where that cannot be.
    fn isolation(&self, platform: &Platform<'_>, was: Isolation) -> Result<Isolation, Error> {
        let datastore = self.options.datastore.as_deref();
        let wanted = self.options.isolation.unwrap_or(was);
        match platform.check_placement(wanted, datastore) {
            Err(Error::Unplaceable { field: "isolation", .. }) if self.options.isolation.is_none() => {
                Ok(Isolation::Shared)
            }
            checked => checked.map(|()| wanted),
        }
    }

    async fn try_finish(&mut self) -> Result<tenant::Model, Error> {
        if !self.partial.is_empty() {
            let line = std::mem::take(&mut self.partial);
            self.take(line).await?;
        }
        let next = self.line + 1;
        let begun = self.begun.as_mut().filter(|begun| begun.ended);
        let begun = begun.ok_or_else(|| bad(next, "is missing: the export was cut off"))?;
        self.database.settings.steps.reach("import read").await;
        Rows::new(begun.tenant.id, &begun.place).make_tally().await?;
        let status = if begun.suspended { TenantStatus::Suspended } else { TenantStatus::Active };
        let version = usize::try_from(newest_schema()).unwrap_or_default();
        let served = serve(&self.database, begun.tenant.id, version, status).await?;
        let served =
            served.ok_or_else(|| Error::NotPossible("the tenant was deleted while it was imported".to_owned()))?;
        Record::end(&self.database, &mut begun.operation, Ended::Well, Vec::new()).await?;
        self.begun = None;
        Ok(served)
    }

    async fn undone_if_failed<T>(&mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        if outcome.is_err()
            && let Some(mut begun) = self.begun.take()
        {
            undo_import(&self.database, &mut begun.operation, &mut begun.lock).await?;
        }
        outcome
    }
}

impl Drop for Import {
    /// Nobody sends any more: what has come is undone.
    fn drop(&mut self) {
        if let Some(mut begun) = self.begun.take() {
            let database = self.database.clone();
            self.database.spawn(async move {
                if let Err(error) = undo_import(&database, &mut begun.operation, &mut begun.lock).await {
                    tracing::warn!(%error, "an import cannot be undone for now");
                }
            });
        }
    }
}

impl Begun {
    async fn row(&mut self, number: u64, table: &str, row: &Map<String, Value>, size: usize) -> Result<(), Error> {
        let at = self.tables.iter().position(|known| known.name == table);
        let at = at.ok_or_else(|| bad(number, &format!("is of a table that this version does not have: {table}")))?;
        if at != self.at {
            self.write(number).await?;
        }
        if at < self.at {
            return Err(bad(number, "is of a table that had ended"));
        }
        self.at = at;
        let mut row = self.tables[at].parsed(row).map_err(|why| bad(number, &why))?;
        let taken = self.origin.take(&self.tables[at], &mut row, self.tenant.id, &self.keys).await;
        taken.map_err(|error| match error {
            TakeError::Unopenable(column) => bad(number, &format!("has a sealed {column} that does not open")),
            TakeError::Other(error) => error,
        })?;
        self.rows.push(row);
        self.bytes += size;
        if self.rows.len() >= MOST_ROWS || self.bytes >= MOST_BYTES {
            self.write(number).await?;
        }
        Ok(())
    }

    /// Writes the rows that were read last, the line with this number among them.
    async fn write(&mut self, number: u64) -> Result<(), Error> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let table = &self.tables[self.at];
        let inserted = Rows::new(self.tenant.id, &self.place).insert(table, &rows).await;
        inserted.map_err(|error| match error {
            Error::Conflict { .. } | Error::MissingReference { .. } | Error::Internal(_) => {
                let first = number.saturating_sub(rows.len() as u64);
                let why = why(&error);
                bad(number, &format!("or one of those from line {first} on breaks a rule of {}: {why}", table.name))
            }
            other => other,
        })?;
        *self.written.entry(table.name.clone()).or_default() += rows.len() as u64;
        Ok(())
    }

    async fn end(&mut self, number: u64, counts: &BTreeMap<String, u64>) -> Result<(), Error> {
        self.write(number).await?;
        if *counts != self.written {
            return Err(bad(number, "tells of other numbers of rows than there were"));
        }
        self.ended = true;
        Ok(())
    }
}

fn bad(line: u64, why: &str) -> Error {
    Error::BadImport { line, why: why.to_owned() }
}

/// Why rows were refused, without the database's own words, which name what is nobody's business.
fn why(error: &Error) -> String {
    let Error::Internal(database) = error else { return error.to_string() };
    let says = |words: &[&str]| words.iter().any(|word| database.contains(word));
    let rule = if says(&["foreign key", "FOREIGN KEY"]) {
        "a row refers to one that the tenant does not have"
    } else if says(&["23502", "NOT NULL"]) {
        "a value is missing"
    } else if says(&["23514", "CHECK"]) {
        "a value is not one of those allowed"
    } else {
        "a value cannot be stored"
    };
    rule.to_owned()
}

/// Whether a tenant with this id is here or ever was: then the imported one is another.
async fn is_known(database: &Database, id: Uuid) -> Result<bool, Error> {
    if tenant_by_id(database, id).await?.is_some() {
        return Ok(true);
    }
    let select = slug::Entity::find().filter(slug::Column::TenantId.eq(id)).into_query();
    let statement = StatementBuilder::build(&select, &database.platform.backend());
    Ok(!Lease::read_alone(&database.platform, statement, Keys::default()).await?.is_empty())
}

/// Takes an unfinished import back: what was made of its place, and the tenant.
pub(crate) async fn undo_import(
    database: &Database,
    operation: &mut operation::Model,
    lock: &mut TenantLock,
) -> Result<(), Error> {
    let tenant = tenant_by_id(database, operation.tenant_id).await?;
    match tenant.filter(|tenant| tenant.status == TenantStatus::Provisioning) {
        Some(tenant) => undo(database, &tenant, lock).await?,
        // It was finished, up to its own record.
        None if running_of(database, operation.tenant_id).await?.is_some() => {
            return Record::end(database, operation, Ended::Well, Vec::new()).await;
        }
        None => return Ok(()),
    }
    operation.error = Some("it was not finished".to_owned());
    Record::end(database, operation, Ended::Badly, Vec::new()).await
}
