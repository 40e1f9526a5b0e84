//! Texts of statements, each built once.
//!
//! What a statement's text is made of is little: which table, which columns, which kinds of comparisons. Its values make no
//! difference. So a text is built by sea-query when a statement of its *shape* is first wanted, and kept; after that only the
//! values are gathered. A debug build builds every statement and compares.

use std::any::TypeId;
use std::sync::{Arc, LazyLock};

use dashmap::DashMap;
use sea_orm::{DbBackend, Statement, Value, Values};

use crate::error::Error;

/// Most texts that are kept: more than the program has, unless somebody makes shapes up.
const MOST: usize = 4_096;

/// Stands in a text for the name of a schema.
pub(super) const SCHEMA: &str = "\u{1}";

static TEXTS: LazyLock<DashMap<Shape, Arc<str>>> = LazyLock::new(DashMap::new);

/// All that a statement's text depends on, but for the schema's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    is_postgres: bool,
    resource: TypeId,
    words: Vec<u8>,
}

impl Shape {
    pub(super) fn new<R: 'static>(backend: DbBackend, words: Vec<u8>) -> Self {
        Self { is_postgres: backend == DbBackend::Postgres, resource: TypeId::of::<R>(), words }
    }
}

/// The statement of this shape with these values, or one of no shape, which is built each time. `build` makes it whole, with
/// [`SCHEMA`] for the schema's name.
pub(super) fn statement(
    backend: DbBackend,
    shape: Option<Shape>,
    values: Vec<Value>,
    schema: Option<&str>,
    build: impl Fn() -> Result<Statement, Error>,
) -> Result<Statement, Error> {
    let named = |text: &str| schema.map_or_else(|| text.to_owned(), |schema| text.replace(SCHEMA, schema));
    let Some(shape) = shape else {
        return build().map(|built| Statement { sql: named(&built.sql), ..built });
    };
    let kept = TEXTS.get(&shape).map(|text| Arc::clone(&text));
    let text = match kept {
        Some(text) => text,
        None => {
            let text: Arc<str> = build()?.sql.into();
            if TEXTS.len() < MOST {
                TEXTS.insert(shape.clone(), Arc::clone(&text));
            }
            text
        }
    };
    debug_assert_eq!(
        build().map(|built| (built.sql, built.values)).ok(),
        Some((text.to_string(), Some(Values(values.clone())))),
        "{shape:?}"
    );
    Ok(Statement { sql: named(&text), values: Some(Values(values)), db_backend: backend })
}
