//! Reading and deleting, on a scope and on the model's rows, and comparing what comes back.

use std::cmp::Reverse;
use std::fmt::Debug;

use uuid::Uuid;

use super::super::model::{PostRow, Refused, Row, UserRow, truth};
use super::super::program::{Cmp, F, Read};
use super::{Direction, Error, Filter, Mapped, Owned, TenantScoped, post, user};

/// What a comparison found, when it found no difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    Same,
    /// Both refused, for the same reason.
    BothRefused,
}

/// A resource whose rows the model has too.
pub(super) trait Modelled: Owned {
    type Row: Row + Debug + PartialEq;

    fn texts() -> [Self::Column; 2];
    /// The same, or others where those are sealed.
    fn compared() -> [Self::Column; 2] {
        Self::texts()
    }
    fn row(&self) -> Self::Row;
}

impl Modelled for user::Model {
    type Row = UserRow;

    fn texts() -> [user::Column; 2] {
        [user::Column::Name, user::Column::Email]
    }

    fn row(&self) -> UserRow {
        assert_eq!(self.bytes, (self.name.len() + self.email.len()) as i64, "{self:?}");
        UserRow {
            tenant: self.tenant_id,
            id: self.id,
            name: self.name.clone(),
            email: self.email.clone(),
            version: self.version,
        }
    }
}

impl Modelled for post::Model {
    type Row = PostRow;

    fn texts() -> [post::Column; 2] {
        [post::Column::Title, post::Column::Content]
    }

    fn compared() -> [post::Column; 2] {
        [post::Column::Title, post::Column::Title]
    }

    fn row(&self) -> PostRow {
        let content = self.content.as_ref().map_or(0, String::len);
        assert_eq!(self.bytes, (self.title.len() + content) as i64, "{self:?}");
        PostRow {
            tenant: self.tenant_id,
            id: self.id,
            user: self.user_id,
            title: self.title.clone(),
            content: self.content.clone(),
            version: self.version,
        }
    }
}

pub(super) fn equal<T: PartialEq + Debug>(got: T, expected: T) -> Result<Compared, String> {
    if got == expected { Ok(Compared::Same) } else { Err(format!("got {got:?}, expected {expected:?}")) }
}

/// Compares an answer with the model's, refusals included.
pub(super) fn outcome<T: PartialEq + Debug>(
    got: Result<T, Error>,
    expected: Result<T, Refused>,
) -> Result<Compared, String> {
    let got = match got {
        Ok(value) => Ok(value),
        Err(Error::ForeignTenant) => Err(Refused::ForeignTenant),
        Err(Error::Conflict { .. }) => Err(Refused::Conflict),
        Err(Error::MissingReference { .. }) => Err(Refused::MissingReference),
        Err(error) => return Err(error.to_string()),
    };
    let refused = got.is_err();
    equal(got, expected).map(|same| if refused { Compared::BothRefused } else { same })
}

/// The same condition as the scopes take it.
pub(super) fn filter<R: Modelled>(condition: &F, ids: &[Uuid], tenants: &[Uuid]) -> Filter<R> {
    let of = |inner: &F| filter::<R>(inner, ids, tenants);
    let text = |column: u8| R::texts()[usize::from(column)];
    match condition {
        F::All => Filter::all(),
        F::And(left, right) => of(left).and(of(right)),
        F::Or(left, right) => of(left).or(of(right)),
        F::Not(inner) => of(inner).not(),
        F::Id(cmp, id) => compared(*cmp, R::ID, ids[usize::from(*id)]),
        F::IdIn(list) => Filter::is_in(R::ID, list.iter().map(|id| ids[usize::from(*id)])),
        F::Tenant(cmp, tenant) => compared(*cmp, R::TENANT, tenants[usize::from(*tenant)]),
        F::Version(cmp, version) => compared(*cmp, R::VERSION, *version),
        F::Text(column, true, value) => Filter::eq(R::compared()[usize::from(*column)], value.clone()),
        F::Text(column, false, value) => Filter::ne(R::compared()[usize::from(*column)], value.clone()),
        F::Contains(column, value) => Filter::contains(text(*column), value.clone()),
        F::Null(column) => Filter::is_null(text(*column)),
    }
}

fn compared<R: Mapped>(cmp: Cmp, column: R::Column, value: impl Into<crate::Operand>) -> Filter<R> {
    match cmp {
        Cmp::Eq => Filter::eq(column, value),
        Cmp::Ne => Filter::ne(column, value),
        Cmp::Lt => Filter::lt(column, value),
        Cmp::Le => Filter::le(column, value),
        Cmp::Gt => Filter::gt(column, value),
        Cmp::Ge => Filter::ge(column, value),
    }
}

/// Does what every resource can do, on the scope and on the model's rows.
pub(super) async fn read<R: Modelled>(
    scope: &TenantScoped<R>,
    op: Read,
    rows: &mut Vec<R::Row>,
    tenant: Uuid,
    ids: &[Uuid],
    tenants: &[Uuid],
) -> Result<Compared, String> {
    let matching = |condition: &F| -> Vec<R::Row> {
        let holds = |row: &&R::Row| row.tenant() == tenant && truth(condition, *row, ids, tenants) == Some(true);
        let mut matching: Vec<R::Row> = rows.iter().filter(holds).cloned().collect();
        matching.sort_by_key(|row| Reverse(row.id()));
        matching
    };
    let convert = |condition: &F| filter::<R>(condition, ids, tenants);
    match op {
        Read::Get(id) => {
            let id = ids[usize::from(id)];
            let expected = rows.iter().find(|row| (row.tenant(), row.id()) == (tenant, id)).cloned();
            let version = scope.value(id, R::VERSION).await.map_err(|error| error.to_string())?;
            if version != expected.as_ref().map(Row::version) {
                return Err(format!("the version read by itself is {version:?}"));
            }
            outcome(scope.get(id).await.map(|row| row.as_ref().map(R::row)), Ok(expected))
        }
        Read::Find(condition) => {
            let got = scope.find(convert(&condition)).await.map(|row| row.as_ref().map(R::row));
            outcome(got, Ok(matching(&condition).into_iter().next()))
        }
        Read::Slices(condition, limit, oldest) => {
            let mut expected = matching(&condition);
            if oldest {
                expected.reverse();
            }
            outcome(all_slices(scope, || convert(&condition), limit, oldest).await, Ok(expected))
        }
        Read::Page(condition, number, limit) => {
            let got = scope.list(convert(&condition)).page(number, limit).await;
            outcome(got.map(paged), Ok(page_of(&matching(&condition), number, limit)))
        }
        Read::PageBy(condition, number) => {
            let mut expected = matching(&condition);
            expected.sort_by_key(Row::version);
            let got = scope.list(convert(&condition)).order_by(R::VERSION, Direction::Ascending).page(number, 2).await;
            outcome(got.map(paged), Ok(page_of(&expected, number, 2)))
        }
        Read::Count(condition) => {
            outcome(scope.count(convert(&condition)).await, Ok(matching(&condition).len() as u64))
        }
        Read::Exists(condition) => {
            outcome(scope.exists(convert(&condition)).await, Ok(!matching(&condition).is_empty()))
        }
        Read::Delete(id, also) => {
            let id = ids[usize::from(id)];
            let gone: Vec<_> = matching(&also).into_iter().filter(|row| row.id() == id).collect();
            rows.retain(|row| !gone.contains(row));
            outcome(scope.delete(id, convert(&also)).await, Ok(!gone.is_empty()))
        }
        Read::DeleteMany(condition) => {
            let gone = matching(&condition);
            rows.retain(|row| !gone.contains(row));
            outcome(scope.delete_many(convert(&condition)).await, Ok(gone.len() as u64))
        }
    }
}

/// Follows the cursors, through their text form, to the end.
async fn all_slices<R: Modelled>(
    scope: &TenantScoped<R>,
    filter: impl Fn() -> Filter<R>,
    limit: u64,
    oldest: bool,
) -> Result<Vec<R::Row>, Error> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let list = scope.list(filter());
        let list = if oldest { list.oldest_first() } else { list };
        let slice = list.slice(after, limit).await?;
        rows.extend(slice.rows.iter().map(R::row));
        match slice.next {
            Some(next) => after = Some(scope.cursor(&next.to_string())?),
            None => return Ok(rows),
        }
    }
}

fn paged<R: Modelled>(page: crate::Page<R>) -> (Vec<R::Row>, u64) {
    (page.rows.iter().map(R::row).collect(), page.total)
}

fn page_of<T: Clone>(rows: &[T], number: u64, limit: u64) -> (Vec<T>, u64) {
    let skipped = usize::try_from((number - 1) * limit).unwrap();
    let limit = usize::try_from(limit).unwrap();
    (rows.iter().skip(skipped).take(limit).cloned().collect(), rows.len() as u64)
}
