//! Sealed columns: texts are sealed where rows become values, and opened where rows become models. Neither the statements nor
//! whoever asks for them notice.

use sea_orm::{ActiveModelTrait, EntityName, IdenStatic, QueryResult, Value};
use uuid::Uuid;

use super::{TenantScoped, models};
use crate::encryption::Slot;
use crate::error::Error;
use crate::resource::Mapped;

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Mapped> TenantScoped<R> {
    /// Reads rows as models, and opens what is sealed in them. Whatever is not known of the keys is asked for in the catalog:
    /// better without holding a connection.
    pub(super) async fn opened(&self, rows: &[QueryResult]) -> Result<Vec<R>, Error> {
        self.opened_models(models(rows)?).await
    }

    /// The same for models whose texts are as they are stored, from the cache for instance.
    pub(super) async fn opened_models(&self, mut models: Vec<R>) -> Result<Vec<R>, Error> {
        if !R::SEALED.is_empty() {
            for model in &mut models {
                self.open(model).await?;
            }
        }
        Ok(models)
    }

    async fn open(&self, model: &mut R) -> Result<(), Error> {
        let (table, row) = (R::Entity::default(), model.id());
        for sealed in R::SEALED {
            if let Some(text) = (sealed.text)(model) {
                let slot = self.slot(table.table_name(), sealed.column, row);
                *text = self.session.keys.open(slot, std::mem::take(text)).await?;
            }
        }
        Ok(())
    }

    /// Seals what is to be sealed of the row with this id.
    pub(super) async fn seal(&self, row: Uuid, columns: &mut R::ActiveModel) -> Result<(), Error> {
        let table = R::Entity::default();
        for sealed in R::SEALED {
            if let Some(text) = text_in(columns, sealed.column) {
                let slot = self.slot(table.table_name(), sealed.column, row);
                columns.set(sealed.column, self.session.keys.seal(slot, text).await?.into());
            }
        }
        Ok(())
    }

    /// Whether these columns would be stored otherwise in each row.
    pub(super) fn differs_by_row(&self, columns: &R::ActiveModel) -> bool {
        self.session.keys.is_on() && R::SEALED.iter().any(|sealed| text_in(columns, sealed.column).is_some())
    }

    fn slot<'a>(&self, table: &'a str, column: R::Column, row: Uuid) -> Slot<'a> {
        Slot { tenant: self.session.tenant, table, column: column.as_str(), row }
    }
}

fn text_in<A: ActiveModelTrait>(columns: &A, column: <A::Entity as sea_orm::EntityTrait>::Column) -> Option<String> {
    match columns.get(column).into_value() {
        Some(Value::String(text)) => text,
        _ => None,
    }
}
