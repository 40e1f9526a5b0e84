//! Had the application `sea_orm`, every model would lead to its entity, and from there to any statement. That is why it
//! must not. The programs beside this one show that even then there is nothing to run the statement on, and nobody to
//! take it.

use actix_web::web;
use entity::{Database, Filter, Gatekeeper, Platform, Post, TenantAccess, TenantScoped, Transaction, User, UserColumn};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, ModelTrait};
use sea_orm::{QueryFilter, Select, TransactionTrait};
use tenantry::auth::Authenticator;

pub fn any_statement() -> Select<<User as ModelTrait>::Entity> {
    let name: Expr = Expr::cust("name");
    let condition = Condition::any().add(UserColumn::Email.eq("ada@example.com")).add(name);
    <User as ModelTrait>::Entity::find().filter(condition)
}

pub async fn run_on_a_connection(connection: &(impl ConnectionTrait + TransactionTrait), post: Post) {
    let _ = post.into_active_model().delete(connection).await;
    let _ = any_statement().all(connection).await;
}

pub async fn lent(
    _: (
        &web::Data<Database>,
        &Filter<User>,
        &Gatekeeper,
        &Platform<'_>,
        &TenantAccess,
        &TenantScoped<User>,
        &Transaction,
        &Authenticator,
    ),
) {
}
