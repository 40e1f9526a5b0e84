//! Implements `Resource` for a type of one's own, with a real table's columns, and asks for its rows.
//!
//! Must fail: no access gives out such a scope, and a scope can do nothing for it.

use entity::{Filter, Resource, TenantAccess, TenantScoped, UserChanges, UserColumn};

#[derive(Clone)]
pub struct Everybody;

impl Resource for Everybody {
    type Column = UserColumn;
    type Changes = UserChanges;
}

pub fn scoped(access: &TenantAccess) -> TenantScoped<Everybody> {
    access.users()
}

pub fn scope(access: &TenantAccess) {
    access.scope::<Everybody>();
}

pub async fn find(rows: TenantScoped<Everybody>) {
    rows.find(Filter::all()).await;
}

pub async fn update(rows: TenantScoped<Everybody>) {
    rows.update_many(Filter::all(), UserChanges::default()).await;
}

pub async fn foreign_filter(access: &TenantAccess) {
    access.users().find(Filter::<Everybody>::all()).await;
}
