//! What a tenant table looks like from outside: its columns, and rows as plain values and as JSON.

use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::sea_query::{Alias, ColumnType};
use sea_orm::{ColumnTrait, EntityName, IdenStatic, Iterable, QueryResult, Value};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::entities::{idempotency, post, user};
use crate::error::{Error, internal};
use crate::resource::{Owned, is_sealed, size};

/// The column that every tenant table begins with.
pub(crate) const TENANT: &str = "tenant_id";

/// Every tenant table, referenced ones first: the order in which rows can be inserted.
pub(crate) fn tables() -> Vec<Table> {
    vec![Table::of::<user::Model>(), Table::of::<post::Model>(), Table::of::<idempotency::Model>()]
}

/// A tenant table.
pub(crate) struct Table {
    pub(crate) name: String,
    /// All but the tenant's, which is the same in every row.
    pub(super) columns: Vec<Column>,
    pub(crate) id: String,
    pub(super) version: String,
    pub(super) updated_at: String,
    /// The columns whose texts count.
    counted: Vec<String>,
}

pub(super) struct Column {
    pub(super) name: String,
    kind: Kind,
    pub(super) is_sealed: bool,
    /// Whether it is made of the others, and so told to nobody.
    is_derived: bool,
}

/// What a column holds. Another one is a line here and in the two functions below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Uuid,
    Text,
    Integer,
    Time,
}

/// The values of one row, in the order of the table's columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row(pub(super) Vec<Value>);

impl Row {
    /// Replaces a text in each of its texts.
    pub(crate) fn replace(&mut self, from: &str, to: &str) {
        for value in &mut self.0 {
            if let Value::String(Some(text)) = value {
                *text = text.replace(from, to);
            }
        }
    }
}

impl Table {
    fn of<R: Owned>() -> Self {
        let name = |column: R::Column| column.as_str().to_owned();
        let columns = <R::Column as Iterable>::iter().filter(|column| column.as_str() != TENANT);
        let counts =
            R::COUNTED.map(|counted| (counted.bytes.as_str(), counted.plain.iter().copied().chain(counted.content)));
        let (bytes, counted) = match counts {
            Some((bytes, texts)) => (bytes, texts.map(name).collect()),
            None => ("", Vec::new()),
        };
        let column = |column: R::Column| Column {
            name: name(column),
            kind: Kind::of(column),
            is_sealed: is_sealed::<R>(column),
            is_derived: column.as_str() == bytes,
        };
        Self {
            name: R::Entity::default().table_name().to_owned(),
            columns: columns.map(column).collect(),
            id: name(R::ID),
            version: name(R::VERSION),
            updated_at: name(R::UPDATED_AT),
            counted,
        }
    }

    pub(crate) fn alias(&self) -> Alias {
        Alias::new(&self.name)
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = Alias> + '_ {
        self.columns.iter().map(|column| Alias::new(&column.name))
    }

    /// The columns whose texts are sealed.
    pub(crate) fn sealed(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(|column| column.is_sealed).map(|column| column.name.as_str())
    }

    pub(super) fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|own| own.name == column)
    }

    pub(super) fn read(&self, row: &QueryResult) -> Result<Row, Error> {
        self.columns.iter().map(|column| column.kind.read(row, &column.name)).collect::<Result<_, _>>().map(Row)
    }

    /// The row as an object, always the same for the same values, on whichever database.
    pub(crate) fn to_json(&self, row: &Row) -> Json {
        let pairs = self.columns.iter().zip(&row.0).filter(|(column, _)| !column.is_derived);
        Json::Object(pairs.map(|(column, value)| (column.name.clone(), to_json(value))).collect())
    }

    /// The row of an object that has every column and no other.
    pub(crate) fn parsed(&self, object: &Map<String, Json>) -> Result<Row, String> {
        let is_told = |key: &str| self.columns.iter().any(|column| column.name == *key && !column.is_derived);
        if let Some(unknown) = object.keys().find(|key| !is_told(key)) {
            return Err(format!("the table {} has no column {unknown}", self.name));
        }
        let value = |column: &Column| {
            if column.is_derived {
                return Ok(Value::from(self.measured(object)));
            }
            let given = object.get(&column.name).ok_or_else(|| format!("the column {} is missing", column.name))?;
            column.kind.parse(given).ok_or_else(|| format!("the column {} cannot hold that", column.name))
        };
        self.columns.iter().map(value).collect::<Result<_, _>>().map(Row)
    }

    /// Measures the row again, once its texts are as they were sent.
    pub(super) fn measure(&self, row: &mut Row) {
        let counts = |column: &Column| self.counted.contains(&column.name);
        let texts = self.columns.iter().zip(&row.0).filter(|(column, _)| counts(column));
        let bytes: i64 =
            texts.map(|(_, value)| if let Value::String(Some(text)) = value { size(text) } else { 0 }).sum();
        let derived = self.columns.iter().position(|column| column.is_derived);
        if let Some(derived) = derived {
            row.0[derived] = Value::from(bytes);
        }
    }

    /// How many bytes the texts have that count.
    fn measured(&self, object: &Map<String, Json>) -> i64 {
        self.counted.iter().filter_map(|column| object.get(column)?.as_str()).map(size).sum()
    }
}

impl Kind {
    fn of(column: impl ColumnTrait) -> Self {
        match column.def().get_column_type() {
            ColumnType::Uuid => Self::Uuid,
            ColumnType::BigInteger => Self::Integer,
            ColumnType::TimestampWithTimeZone => Self::Time,
            _ => Self::Text,
        }
    }

    fn read(self, row: &QueryResult, name: &str) -> Result<Value, Error> {
        match self {
            Self::Uuid => row.try_get::<Option<Uuid>>("", name).map(Value::from),
            Self::Text => row.try_get::<Option<String>>("", name).map(Value::from),
            Self::Integer => row.try_get::<Option<i64>>("", name).map(Value::from),
            Self::Time => row.try_get::<Option<DateTime<Utc>>>("", name).map(Value::from),
        }
        .map_err(internal)
    }

    fn parse(self, json: &Json) -> Option<Value> {
        let text = json.as_str();
        if json.is_null() {
            return Some(match self {
                Self::Uuid => Value::Uuid(None),
                Self::Text => Value::String(None),
                Self::Integer => Value::BigInt(None),
                Self::Time => Value::ChronoDateTimeUtc(None),
            });
        }
        match self {
            Self::Uuid => Uuid::parse_str(text?).ok().map(Value::from),
            Self::Text => text.map(Value::from),
            Self::Integer => json.as_i64().map(Value::from),
            Self::Time => DateTime::parse_from_rfc3339(text?).ok().map(|time| Value::from(time.with_timezone(&Utc))),
        }
    }
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Uuid(Some(id)) => Json::from(id.to_string()),
        Value::String(Some(text)) => Json::from(text.as_str()),
        Value::BigInt(Some(number)) => Json::from(*number),
        Value::ChronoDateTimeUtc(Some(time)) => Json::from(time.to_rfc3339_opts(SecondsFormat::Micros, true)),
        _ => Json::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tenant_table_is_carried_in_the_order_of_migrations() {
        let carried: Vec<_> = tables().into_iter().map(|table| table.name).collect();
        assert_eq!(carried, migration::TENANT_TABLES);
    }

    /// A column of a kind that is not known here would be read as text.
    #[test]
    fn every_column_is_of_a_known_kind() {
        fn check<R: Owned>() {
            for column in <R::Column as Iterable>::iter() {
                let of = column.def().get_column_type().clone();
                let known =
                    [ColumnType::Uuid, ColumnType::BigInteger, ColumnType::TimestampWithTimeZone, ColumnType::Text];
                let is_text = matches!(of, ColumnType::String(_));
                assert!(
                    is_text || known.contains(&of),
                    "{} of {:?}",
                    column.as_str(),
                    R::Entity::default().table_name()
                );
            }
        }
        check::<user::Model>();
        check::<post::Model>();
        check::<idempotency::Model>();
    }
}
