//! What one statement is to read, said in words of which its text and its values are made.

use sea_orm::sea_query::{Expr, Func, Query, SelectStatement};
use sea_orm::{EntityTrait, IdenStatic, QueryFilter, QueryTrait, Statement, Value};

use super::texts::{self, SCHEMA, Shape};
use super::{Direction, TenantScoped};
use crate::connection::Standing;
use crate::error::Error;
use crate::filter::{Filter, comparable};
use crate::resource::{Mapped, Resource};

/// One reading statement on the tenant's rows.
pub(crate) struct Reading<R: Resource> {
    what: What<R::Column>,
    filter: Filter<R>,
    order: Vec<(R::Column, Direction)>,
    limit: Option<u64>,
    offset: Option<u64>,
}

/// What of the rows.
#[derive(Clone, Copy)]
enum What<C> {
    Rows,
    Column(C),
    /// A number, if there is a row at all.
    One,
    /// How many there are.
    Count,
}

impl<R: Mapped> Reading<R> {
    /// All of the rows: of which there must be few.
    pub(crate) fn all(filter: Filter<R>) -> Self {
        Self { what: What::Rows, filter, order: Vec::new(), limit: None, offset: None }
    }

    /// So many of the rows.
    pub(crate) fn rows(filter: Filter<R>, limit: u64) -> Self {
        Self { limit: Some(limit), ..Self::all(filter) }
    }

    /// The rows in the order of a column, after that of those said before.
    pub(crate) fn by(mut self, column: R::Column, direction: Direction) -> Result<Self, Error> {
        self.order.push((comparable::<R>(column)?, direction));
        Ok(self)
    }

    /// Not the first so many.
    pub(crate) fn after(self, offset: u64) -> Self {
        Self { offset: Some(offset), ..self }
    }

    /// One column of all of the rows.
    pub(crate) fn column(filter: Filter<R>, column: R::Column) -> Result<Self, Error> {
        Ok(Self { what: What::Column(comparable::<R>(column)?), ..Self::all(filter) })
    }

    /// Whether there is any.
    pub(crate) fn any(filter: Filter<R>) -> Self {
        Self { what: What::One, ..Self::rows(filter, 1) }
    }

    /// How many there are.
    pub(crate) fn count(filter: Filter<R>) -> Self {
        Self { what: What::Count, ..Self::all(filter) }
    }

    /// Everything that makes a difference to the text, and the values in the text's order; none if the text is not to be kept. The
    /// tenant is compared, and bound if it `binds`.
    fn sketch(&self, words: &mut Vec<u8>, values: &mut Vec<Value>, tenant: &Value, binds: bool) -> Option<()> {
        match self.what {
            What::Rows => words.push(b'*'),
            What::Column(column) => {
                words.push(b'.');
                words.extend(column.as_str().bytes());
                words.push(b' ');
            }
            What::One => {
                words.push(b'1');
                values.push(Value::from(1_i64));
            }
            What::Count => words.push(b'#'),
        }
        self.filter.sketch(words, values)?;
        values.push(tenant.clone());
        values.extend(binds.then(|| tenant.clone()));
        for (column, direction) in &self.order {
            words.push(if *direction == Direction::Ascending { b'<' } else { b'>' });
            words.extend(column.as_str().bytes());
            words.push(b' ');
        }
        for (mark, number) in [(b'L', self.limit), (b'O', self.offset)] {
            if let Some(number) = number {
                words.push(mark);
                values.push(Value::from(number));
            }
        }
        Some(())
    }
}

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Mapped> TenantScoped<R> {
    /// The statement as it is sent by itself, or in a transaction.
    pub(crate) fn reads(&self, reading: &Reading<R>, standing: &Standing) -> Result<Statement, Error> {
        let (backend, tenant) = (self.session.backend, Value::from(self.session.tenant));
        let (mut words, mut values) = (Vec::with_capacity(64), Vec::with_capacity(8));
        let (binds, schema) = match standing {
            Standing::Alone { schema } => {
                words.push(if schema.is_some() { b'S' } else { b'A' });
                (true, schema.as_deref())
            }
            Standing::InTransaction => {
                words.push(b'T');
                (false, None)
            }
        };
        let build = || {
            let mut select = self.selecting(reading)?;
            if binds {
                self.stand_alone(&mut select, schema.map(|_| SCHEMA));
            }
            Ok(self.build(&select))
        };
        let said = reading.sketch(&mut words, &mut values, &tenant, binds);
        texts::statement(backend, said.map(|()| Shape::new::<R>(backend, words)), values, schema, build)
    }

    fn selecting(&self, reading: &Reading<R>) -> Result<SelectStatement, Error> {
        let table = R::Entity::default();
        let within = self.within(reading.filter.clone())?;
        let mut select = match reading.what {
            What::Rows => R::Entity::find().filter(within).into_query(),
            What::Column(column) => Query::select().column((table, column)).from(table).cond_where(within).take(),
            What::One => Query::select().expr(Expr::val(1_i64)).from(table).cond_where(within).take(),
            What::Count => Query::select().expr(Func::count(Expr::cust("*"))).from(table).cond_where(within).take(),
        };
        for (column, direction) in &reading.order {
            select.order_by((table, *column), (*direction).into());
        }
        reading.limit.map(|limit| select.limit(limit));
        reading.offset.map(|offset| select.offset(offset));
        Ok(select)
    }
}
