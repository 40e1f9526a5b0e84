//! Runs a prepared select on everything that a handler can hold.
//!
//! Must fail: none of it is a connection to SeaORM.

use actix_web::web;
use entity::{Database, Gatekeeper, Platform, TenantAccess, TenantScoped, Transaction, User};
use sea_orm::{EntityTrait, ModelTrait};
use tenantry::auth::Authenticator;

type Users = <User as ModelTrait>::Entity;

pub async fn database(database: &Database) {
    Users::find().all(database).await;
}

pub async fn app_data(database: web::Data<Database>) {
    Users::find().all(&database).await;
}

pub async fn authenticator(authenticator: &Authenticator) {
    Users::find().all(authenticator).await;
}

pub async fn gatekeeper(gatekeeper: &Gatekeeper) {
    Users::find().all(gatekeeper).await;
}

pub async fn platform(platform: Platform<'_>) {
    Users::find().all(&platform).await;
}

pub async fn access(access: &TenantAccess) {
    Users::find().all(access).await;
}

pub async fn scope(users: &TenantScoped<User>) {
    Users::find().all(users).await;
}

pub async fn transaction(transaction: &Transaction) {
    Users::find().all(transaction).await;
}
