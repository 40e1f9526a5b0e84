//! The catalog's record of long work on a tenant.

use sea_orm::sea_query::{Expr, InsertStatement, OnConflict, Query, UpdateStatement};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryTrait, StatementBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::connection::{Access, Binding, Lease};
use crate::database::Database;
use crate::entities::operation::{self, Column, Entity, Location, Progress};
use crate::entities::tenant;
use crate::error::{Error, Keys, internal, told_outside};
use crate::gatekeeper::PlatformAdmin;
use crate::platform::{AuditEntry, Platform};
use crate::resource::now;
use crate::vocabulary::{OperationKind, Outcome, TenantStatus, WorkState};

/// An operation that is to begin.
pub(crate) struct Beginning {
    pub(crate) kind: OperationKind,
    pub(crate) source: Location,
    pub(crate) target: Location,
    /// What the audit log calls it.
    pub(crate) action: &'static str,
    pub(crate) detail: Value,
    /// What comes into the catalog in the same transaction.
    pub(crate) also: Vec<InsertStatement>,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Well,
    /// As its `error` says.
    Badly,
}

impl Ended {
    fn state(self) -> WorkState {
        match self {
            Self::Well => WorkState::Done,
            Self::Badly => WorkState::Failed,
        }
    }

    fn outcome(self) -> Outcome {
        match self {
            Self::Well => Outcome::Done,
            Self::Badly => Outcome::Failed,
        }
    }

    /// What the audit log calls it. Nothing where the end has an entry already: in the transaction in which an imported tenant
    /// becomes active, or a purged one is forgotten.
    fn told_of(self, kind: OperationKind) -> Option<&'static str> {
        use OperationKind as Kind;
        Some(match (kind, self) {
            (Kind::Move, Self::Well) => "tenant.moved",
            (Kind::Move, Self::Badly) => "tenant.move_failed",
            (Kind::Import, Self::Badly) => "tenant.import_failed",
            (Kind::Rotate, Self::Well) => "tenant.keys.rotated",
            (Kind::Rotate, Self::Badly) => "tenant.keys.rotate_failed",
            (Kind::Encrypt, Self::Well) => "tenant.keys.encrypted",
            (Kind::Encrypt, Self::Badly) => "tenant.keys.encrypt_failed",
            (Kind::Import, Self::Well) | (Kind::Purge, _) => return None,
        })
    }
}

fn detail(operation: &operation::Model) -> Value {
    let error = operation.error.as_deref().map(told_outside);
    let mut detail = json!({ "operation": operation.id, "error": error });
    if operation.kind == OperationKind::Move {
        detail["from"] = json!(operation.source);
        detail["to"] = json!(operation.target);
    }
    detail
}

/// The states of a tenant in which this can begin.
pub(crate) fn begins_in(kind: OperationKind) -> &'static [TenantStatus] {
    use TenantStatus::{Active, Deleted, Provisioning, Suspended};
    match kind {
        OperationKind::Move => &[Active, Suspended],
        OperationKind::Import => &[Provisioning],
        OperationKind::Purge => &[Deleted],
        OperationKind::Rotate | OperationKind::Encrypt => &[Active, Suspended, Deleted],
    }
}

/// Changes of an operation's record.
pub(crate) struct Record;

impl Record {
    /// Writes an operation down, with its audit entry. Refused if one is under way for the tenant already, or if the tenant is
    /// in another state by now.
    pub(crate) async fn begin(
        platform: &Platform<'_>,
        tenant: Uuid,
        beginning: Beginning,
    ) -> Result<operation::Model, Error> {
        let Beginning { kind, source, target, action, detail, also } = beginning;
        let record = new(platform, tenant, kind, source, target);
        let mut lease = platform.begin().await?;
        // Changes nothing, and whoever wants to change the tenant's state waits until it can be seen that this has begun.
        let mut still = tenant_update(tenant, vec![(tenant::Column::Status, Expr::col(tenant::Column::Status))]);
        still.and_where(tenant::Column::Status.is_in(begins_in(kind).iter().map(|status| status.as_str())));
        if lease.affected(StatementBuilder::build(&still, &lease.backend()), Keys::default()).await? == 0 {
            lease.roll_back().await;
            return Err(Error::NotPossible("the tenant's state has changed meanwhile".to_owned()));
        }
        Self::insert(&mut lease, &record).await?;
        for insert in &also {
            let sent = lease.affected(StatementBuilder::build(insert, &lease.backend()), Keys::default()).await;
            if sent.is_err() {
                lease.roll_back().await;
            }
            sent?;
        }
        platform.write_down(&mut lease, AuditEntry { action, tenant_id: Some(tenant), detail }).await?;
        lease.commit().await?;
        Ok(record)
    }

    /// Writes an operation down in a transaction that is under way.
    pub(crate) async fn insert(lease: &mut Lease, record: &operation::Model) -> Result<(), Error> {
        let row = operation::ActiveModel {
            id: Set(record.id),
            tenant_id: Set(record.tenant_id),
            kind: Set(record.kind),
            state: Set(record.state),
            phase: Set(record.phase.clone()),
            source: Set(record.source.clone()),
            target: Set(record.target.clone()),
            progress: Set(record.progress.clone()),
            error: Set(None),
            actor: Set(record.actor.clone()),
            created_at: Set(record.created_at),
            updated_at: Set(record.updated_at),
            ended_at: Set(None),
        };
        let mut insert = Entity::insert(row).into_query();
        insert.on_conflict(OnConflict::new().do_nothing().to_owned());
        if lease.affected(StatementBuilder::build(&insert, &lease.backend()), Keys::default()).await? == 0 {
            lease.roll_back().await;
            return Err(Error::NotPossible("another operation is under way for this tenant".to_owned()));
        }
        Ok(())
    }

    /// Goes on to the next phase, with what else is to change in the catalog in the same transaction.
    pub(crate) async fn enter(
        database: &Database,
        operation: &mut operation::Model,
        phase: &str,
        also: Vec<UpdateStatement>,
    ) -> Result<(), Error> {
        phase.clone_into(&mut operation.phase);
        let mut lease = Lease::begin(&database.platform, Access::Write, Binding::Nobody).await?;
        Self::update(&mut lease, operation, &also).await?;
        lease.commit().await
    }

    /// Ends an operation, and writes into the audit log how: both or neither.
    pub(crate) async fn end(
        database: &Database,
        operation: &mut operation::Model,
        ended: Ended,
        also: Vec<UpdateStatement>,
    ) -> Result<(), Error> {
        "ended".clone_into(&mut operation.phase);
        operation.ended_at = Some(now());
        operation.state = ended.state();
        if ended == Ended::Well {
            operation.error = None;
        }
        let mut lease = Lease::begin(&database.platform, Access::Write, Binding::Nobody).await?;
        Self::update(&mut lease, operation, &also).await?;
        if let Some(action) = ended.told_of(operation.kind) {
            let admin = PlatformAdmin::by_operation(&operation.actor);
            let entry = AuditEntry { action, tenant_id: Some(operation.tenant_id), detail: detail(operation) };
            database.platform(&admin).write_down_ended(&mut lease, entry, ended.outcome()).await?;
        }
        lease.commit().await
    }

    async fn update(lease: &mut Lease, operation: &operation::Model, also: &[UpdateStatement]) -> Result<(), Error> {
        let mut update = updating(operation);
        update
            .value(Column::Phase, operation.phase.as_str())
            .value(Column::State, operation.state.as_str())
            .value(Column::EndedAt, operation.ended_at);
        for statement in std::iter::once(&update).chain(also) {
            lease.affected(StatementBuilder::build(statement, &lease.backend()), Keys::default()).await?;
        }
        Ok(())
    }

    /// Notes how far it is.
    pub(crate) async fn note(database: &Database, operation: &operation::Model) -> Result<(), Error> {
        let mut lease = Lease::begin(&database.platform, Access::Write, Binding::Nobody).await?;
        let update = updating(operation);
        lease.affected(StatementBuilder::build(&update, &lease.backend()), Keys::default()).await?;
        lease.commit().await
    }
}

/// An operation that begins.
pub(crate) fn new(
    platform: &Platform<'_>,
    tenant: Uuid,
    kind: OperationKind,
    source: Location,
    target: Location,
) -> operation::Model {
    let created_at = now();
    operation::Model {
        id: Uuid::now_v7(),
        tenant_id: tenant,
        kind,
        state: WorkState::Running,
        phase: "preparing".to_owned(),
        source,
        target,
        progress: Progress::default(),
        error: None,
        actor: platform.operator().to_owned(),
        created_at,
        updated_at: created_at,
        ended_at: None,
    }
}

fn updating(operation: &operation::Model) -> UpdateStatement {
    Query::update()
        .table(Entity)
        .value(Column::Progress, operation.progress.clone())
        .value(Column::Error, operation.error.clone())
        .value(Column::UpdatedAt, now())
        .and_where(Column::Id.eq(operation.id))
        .take()
}

pub(crate) async fn find(database: &Database, id: Uuid) -> Result<Option<operation::Model>, Error> {
    Ok(select(database, Column::Id.eq(id)).await?.pop())
}

/// The operations that have not ended.
pub(crate) async fn running(database: &Database) -> Result<Vec<operation::Model>, Error> {
    select(database, Column::State.eq(WorkState::Running.as_str())).await
}

/// The tenant's operation that has not ended.
pub(crate) async fn running_of(database: &Database, tenant: Uuid) -> Result<Option<operation::Model>, Error> {
    let of_tenant = Column::TenantId.eq(tenant);
    let running = Column::State.eq(WorkState::Running.as_str());
    Ok(select(database, sea_orm::Condition::all().add(of_tenant).add(running)).await?.pop())
}

/// Whether the tenant is being purged, asked in a transaction that holds its row.
pub(crate) async fn is_being_purged(lease: &mut Lease, tenant: Uuid) -> Result<bool, Error> {
    let select = Entity::find()
        .filter(Column::TenantId.eq(tenant))
        .filter(Column::State.eq(WorkState::Running.as_str()))
        .filter(Column::Kind.eq(OperationKind::Purge.as_str()))
        .into_query();
    let rows = lease.rows(StatementBuilder::build(&select, &lease.backend()), Keys::default()).await?;
    Ok(!rows.is_empty())
}

async fn select(
    database: &Database,
    condition: impl sea_orm::sea_query::IntoCondition,
) -> Result<Vec<operation::Model>, Error> {
    let select = Entity::find().filter(condition).into_query();
    let statement = StatementBuilder::build(&select, &database.platform.backend());
    let rows = Lease::read_alone(&database.platform, statement, Keys::default()).await?;
    rows.iter().map(|row| operation::Model::from_query_result(row, "").map_err(internal)).collect()
}

/// Sets columns of the tenant's own row.
pub(crate) fn tenant_update(tenant: Uuid, set: Vec<(tenant::Column, Expr)>) -> UpdateStatement {
    let mut update = Query::update();
    update.table(tenant::Entity).values(set);
    update.and_where(tenant::Column::Id.eq(tenant));
    update
}
