//! Changes and deletions of rows, said in words of which statements and their values are made.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, UpdateStatement};
use sea_orm::{ActiveModelTrait, ActiveValue, IdenStatic, Statement, Value};

use super::TenantScoped;
use super::texts::{self, SCHEMA, Shape};
use crate::connection::Standing;
use crate::encryption::is_plain;
use crate::error::Error;
use crate::filter::Filter;
use crate::resource::{Mapped, now};
use crate::tally::{CHANGE, any_slot};

/// What an update sets.
pub(super) struct Change<R: Mapped> {
    set: Vec<(R::Column, Value)>,
    /// How many bytes each of the texts has that count.
    sizes: Vec<(R::Column, i64)>,
    at: DateTime<Utc>,
}

impl<R: Mapped> Change<R> {
    /// `None` when nothing is to be changed: an `UPDATE` with nothing set is not a statement.
    pub(super) fn of(changes: &R::ActiveModel, sizes: &[(R::Column, i64)]) -> Option<Self> {
        let set: Vec<_> = TenantScoped::<R>::columns()
            .filter_map(|column| match changes.get(column) {
                ActiveValue::Set(value) => Some((column, value)),
                _ => None,
            })
            .collect();
        (!set.is_empty()).then(|| Self { set, sizes: sizes.to_vec(), at: now() })
    }

    /// Whether it may change how many bytes a row has.
    pub(super) fn counts(&self) -> bool {
        R::COUNTED.is_some() && !self.sizes.is_empty()
    }

    /// Whether it sets what refers to another row. PostgreSQL locks that row when all else is done, so such a change must not hold a
    /// slot of the tally by then: it counts as the last statement of a transaction.
    pub(super) fn refers(&self) -> bool {
        let fields = R::REFERENCES.iter().map(|reference| reference.field);
        fields.into_iter().any(|field| self.set.iter().any(|(column, _)| column.as_str() == field))
    }

    /// The columns of sealed texts that it leaves as they are, and that have to be opened once it is made.
    pub(super) fn left_sealed(&self) -> impl Iterator<Item = R::Column> {
        let sets = |sealed: R::Column| self.set.iter().any(|(column, _)| column.as_str() == sealed.as_str());
        R::SEALED.iter().map(|sealed| sealed.column).filter(move |column| !sets(*column))
    }

    /// The update, of rows that are still to be said.
    pub(super) fn update(&self) -> UpdateStatement {
        let mut update = Query::update();
        update
            .table(R::Entity::default())
            .values(self.set.iter().map(|(column, value)| (*column, Expr::val(value.clone()))))
            .value(R::VERSION, Expr::col(R::VERSION).add(1_i64))
            .value(R::UPDATED_AT, self.at);
        if let Some(counted) = R::COUNTED {
            update.value(Alias::new(CHANGE), counted.difference(&self.sizes));
            if !self.sizes.is_empty() {
                update.value(counted.bytes, counted.after(&self.sizes));
            }
        }
        update
    }

    /// Everything that makes a difference to the text, and the values in the text's order. Which texts have a size follows from which
    /// columns are set.
    fn sketch(&self, words: &mut Vec<u8>, values: &mut Vec<Value>) {
        for (column, value) in &self.set {
            words.extend(column.as_str().bytes());
            words.push(b' ');
            values.push(value.clone());
        }
        values.extend([Value::from(1_i64), Value::from(self.at)]);
        if let Some(counted) = R::COUNTED {
            let added = counted.values(&self.sizes);
            values.extend(added.iter().cloned());
            if !self.sizes.is_empty() {
                values.extend(added);
            }
        }
    }
}

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Mapped> TenantScoped<R> {
    /// The update of the tenant's matching rows as it is sent in a transaction; or of one of them, as it is sent by itself.
    pub(super) fn updates(
        &self,
        change: &Change<R>,
        filter: &Filter<R>,
        standing: &Standing,
    ) -> Result<Statement, Error> {
        let slot = change.counts().then(any_slot);
        let build = || {
            let mut update = change.update();
            match standing {
                Standing::Alone { schema } => {
                    for column in change.left_sealed() {
                        update.and_where(Expr::cust(is_plain(column.as_str())));
                    }
                    self.update_alone(update, filter, slot, schema.as_ref().map(|_| SCHEMA))
                }
                Standing::InTransaction => {
                    update.cond_where(self.within(filter.clone())?).returning(Self::returned());
                    Ok(self.build(&update))
                }
            }
        };
        let mut words = Vec::with_capacity(64);
        words.push(b'=');
        let mut values = Vec::with_capacity(20);
        change.sketch(&mut words, &mut values);
        self.written(words, values, filter, standing, slot, build)
    }

    /// The deletion of the tenant's matching rows as it is sent in a transaction, which returns their bytes if they count; or of one of
    /// them, as it is sent by itself.
    pub(super) fn deletes(&self, filter: &Filter<R>, standing: &Standing) -> Result<Statement, Error> {
        let slot = R::COUNTED.map(|_| any_slot());
        let build = || {
            let mut delete = Query::delete();
            delete.from_table(R::Entity::default());
            match standing {
                Standing::Alone { schema } => self.delete_alone(delete, filter, slot, schema.as_ref().map(|_| SCHEMA)),
                Standing::InTransaction => {
                    delete.cond_where(self.within(filter.clone())?);
                    R::COUNTED.map(|counted| delete.returning(Query::returning().column(counted.bytes)));
                    Ok(self.build(&delete))
                }
            }
        };
        self.written(vec![b'-'], Vec::with_capacity(10), filter, standing, slot, build)
    }

    /// A statement of these words and values so far, which goes on with the rows that it writes; one that stands alone ends with the slot, if
    /// it may count, and the fence.
    fn written(
        &self,
        mut words: Vec<u8>,
        mut values: Vec<Value>,
        filter: &Filter<R>,
        standing: &Standing,
        slot: Option<i64>,
        build: impl Fn() -> Result<Statement, Error>,
    ) -> Result<Statement, Error> {
        let (backend, tenant) = (self.session.backend, self.session.tenant);
        let schema = match standing {
            Standing::Alone { schema } => {
                words.push(if schema.is_some() { b'S' } else { b'A' });
                values.push(Value::from(tenant));
                schema.as_deref()
            }
            Standing::InTransaction => {
                words.push(b'T');
                None
            }
        };
        let mut conditions = Vec::with_capacity(3);
        let said = filter.sketch(&mut words, &mut conditions);
        if let Standing::Alone { .. } = standing {
            values.extend(conditions.iter().cloned());
        }
        values.extend(conditions);
        values.push(Value::from(tenant));
        if let Standing::Alone { .. } = standing {
            values.push(Value::from(tenant));
            values.extend(slot.into_iter().chain([self.fence()]).map(Value::from));
        }
        texts::statement(backend, said.map(|()| Shape::new::<R>(backend, words)), values, schema, build)
    }
}
