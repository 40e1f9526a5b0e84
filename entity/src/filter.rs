//! The closed vocabulary of conditions that a caller may put on rows.
//!
//! Column, comparison, value; and, or, not. No SQL text, no function, no subquery, no other table's column: none of
//! these has a way in, so no condition can reach past the tenant's, which is added last and outside of it.

use std::fmt;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, IntoCondition, LikeExpr, SimpleExpr};
use sea_orm::{ColumnTrait, IdenStatic, Value};
use uuid::Uuid;

use crate::error::Error;
use crate::resource::{Mapped, Resource, fold, is_sealed};
use crate::vocabulary::{Isolation, Role, TenantStatus};

/// A condition on the rows of `R`. Start with [`Filter::all`] or a comparison and combine.
pub struct Filter<R: Resource>(Node<R::Column>);

#[derive(Clone)]
enum Node<C> {
    All,
    And(Box<(Node<C>, Node<C>)>),
    Or(Box<(Node<C>, Node<C>)>),
    Not(Box<Node<C>>),
    Compare(C, Comparison, Value),
    In(C, Vec<Value>),
    Contains(C, String),
    Null(C),
}

#[derive(Clone, Copy)]
enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// A value to compare a column with.
#[derive(Clone, Debug)]
pub struct Operand(Value);

/// Makes Rust types operands.
macro_rules! operand {
    ($($from:ty => $convert:expr),+ $(,)?) => {
        $(impl From<$from> for Operand {
            fn from(value: $from) -> Self {
                Self(($convert)(value))
            }
        })+
    };
}

operand! {
    Uuid => Value::from,
    i64 => Value::from,
    DateTime<Utc> => Value::from,
    String => Value::from,
    &str => |text: &str| Value::from(text.to_owned()),
    Role => |word: Role| Value::from(word.as_str()),
    TenantStatus => |word: TenantStatus| Value::from(word.as_str()),
    Isolation => |word: Isolation| Value::from(word.as_str()),
}

impl<R: Resource> Filter<R> {
    /// Every row of the tenant.
    pub fn all() -> Self {
        Self(Node::All)
    }

    /// Rows whose column equals the value.
    pub fn eq(column: R::Column, value: impl Into<Operand>) -> Self {
        Self::compare(column, Comparison::Eq, value)
    }

    /// Rows whose column differs from the value. As in SQL, an absent value neither equals nor differs.
    pub fn ne(column: R::Column, value: impl Into<Operand>) -> Self {
        Self::compare(column, Comparison::Ne, value)
    }

    /// Rows whose column is less than the value.
    pub fn lt(column: R::Column, value: impl Into<Operand>) -> Self {
        Self::compare(column, Comparison::Lt, value)
    }

    /// Rows whose column is at most the value.
    pub fn le(column: R::Column, value: impl Into<Operand>) -> Self {
        Self::compare(column, Comparison::Le, value)
    }

    /// Rows whose column is greater than the value.
    pub fn gt(column: R::Column, value: impl Into<Operand>) -> Self {
        Self::compare(column, Comparison::Gt, value)
    }

    /// Rows whose column is at least the value.
    pub fn ge(column: R::Column, value: impl Into<Operand>) -> Self {
        Self::compare(column, Comparison::Ge, value)
    }

    /// Rows whose column is one of the values.
    pub fn is_in<V: Into<Operand>>(column: R::Column, values: impl IntoIterator<Item = V>) -> Self {
        Self(Node::In(column, values.into_iter().map(|value| value.into().0).collect()))
    }

    /// Rows whose column has no value.
    pub fn is_null(column: R::Column) -> Self {
        Self(Node::Null(column))
    }

    /// Rows whose searchable column contains the text, without regard to case; `%` and `_` mean themselves.
    /// A column that is not searchable contains nothing.
    pub fn contains(column: R::Column, text: impl Into<String>) -> Self {
        Self(Node::Contains(column, text.into()))
    }

    /// Rows that match both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Node::All, node) | (node, Node::All) => Self(node),
            both => Self(Node::And(Box::new(both))),
        }
    }

    /// Rows that match either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(Node::Or(Box::new((self.0, other.0))))
    }

    /// Rows that do not match.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "reads as `and` and `or` do")]
    pub fn not(self) -> Self {
        Self(Node::Not(Box::new(self.0)))
    }

    fn compare(column: R::Column, comparison: Comparison, value: impl Into<Operand>) -> Self {
        Self(Node::Compare(column, comparison, value.into().0))
    }
}

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Mapped> Filter<R> {
    /// Fails if a sealed column is compared with something: what is stored in it tells nothing.
    pub(crate) fn into_condition(self) -> Result<Condition, Error> {
        condition::<R>(self.0)
    }

    /// Everything that makes a difference to the condition's text, and its values in their order. None for the few conditions that
    /// are written otherwise than they are said.
    pub(crate) fn sketch(&self, words: &mut Vec<u8>, values: &mut Vec<Value>) -> Option<()> {
        sketch::<R>(&self.0, words, values)
    }
}

impl<R: Resource> Clone for Filter<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R: Resource> fmt::Debug for Filter<R> {
    /// Shows no values: filters can carry personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filter(..)")
    }
}

fn condition<R: Mapped>(node: Node<R::Column>) -> Result<Condition, Error> {
    Ok(match node {
        Node::All => Condition::all(),
        Node::And(both) => Condition::all().add(condition::<R>(both.0)?).add(condition::<R>(both.1)?),
        // An empty condition inside `OR` would be dropped rather than be true.
        Node::Or(both) => Condition::any().add(truth(condition::<R>(both.0)?)).add(truth(condition::<R>(both.1)?)),
        Node::Not(node) => truth(condition::<R>(*node)?).not(),
        Node::Compare(column, comparison, value) => {
            compare(comparable::<R>(column)?, comparison, value).into_condition()
        }
        Node::In(column, values) => comparable::<R>(column)?.is_in(values).into_condition(),
        Node::Contains(column, text) => contains::<R>(column, &text).into_condition(),
        Node::Null(column) => column.is_null().into_condition(),
    })
}

fn sketch<R: Mapped>(node: &Node<R::Column>, words: &mut Vec<u8>, values: &mut Vec<Value>) -> Option<()> {
    let mut say = |mark: u8, column: &R::Column| {
        words.push(mark);
        words.extend(column.as_str().bytes());
        words.push(b' ');
    };
    match node {
        Node::All => words.push(b'a'),
        Node::And(both) | Node::Or(both) => {
            words.push(if matches!(node, Node::And(_)) { b'&' } else { b'|' });
            for side in [&both.0, &both.1] {
                is_said(side)?;
                sketch::<R>(side, words, values)?;
            }
        }
        Node::Not(node) => {
            is_said(node)?;
            words.push(b'!');
            sketch::<R>(node, words, values)?;
        }
        Node::Compare(column, comparison, value) => {
            say(b'c' + *comparison as u8, column);
            values.push(value.clone());
        }
        Node::In(column, list) if list.len() == 1 => {
            say(b'i', column);
            values.push(list[0].clone());
        }
        Node::Contains(column, text) => {
            R::searched(*column)?;
            say(b'~', column);
            values.push(Value::from(pattern(text)));
        }
        Node::Null(column) => say(b'0', column),
        // Each length would be another text.
        Node::In(..) => return None,
    }
    Some(())
}

/// Whether a part of a condition is more than "all".
fn is_said<C>(node: &Node<C>) -> Option<()> {
    (!matches!(node, Node::All)).then_some(())
}

/// The column, unless it is sealed.
pub(crate) fn comparable<R: Mapped>(column: R::Column) -> Result<R::Column, Error> {
    if is_sealed::<R>(column) {
        let name = column.as_str();
        return Err(Error::Internal(format!("{name} is sealed: nothing can be compared with it or ordered by it")));
    }
    Ok(column)
}

fn truth(condition: Condition) -> Condition {
    if condition.is_empty() { condition.add(SimpleExpr::from(true)) } else { condition }
}

fn compare(column: impl ColumnTrait, comparison: Comparison, value: Value) -> SimpleExpr {
    match comparison {
        Comparison::Eq => column.eq(value),
        Comparison::Ne => column.ne(value),
        Comparison::Lt => column.lt(value),
        Comparison::Le => column.lte(value),
        Comparison::Gt => column.gt(value),
        Comparison::Ge => column.gte(value),
    }
}

fn contains<R: Mapped>(column: R::Column, text: &str) -> SimpleExpr {
    let Some(folded) = R::searched(column) else { return SimpleExpr::from(false) };
    folded.like(LikeExpr::new(pattern(text)).escape('!'))
}

/// `!` escapes, because a backslash means different things to the two databases' literals.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in fold(text).chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
