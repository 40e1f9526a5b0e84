//! A filter over a resource's columns in code that does not know which resource it is.

use entity::{Filter, Insertable, Resource, Tenant, TenantAccess, TenantScoped, User, UserChanges, UserColumn};

pub fn nothing<R: Resource>() -> Filter<R> {
    Filter::all().not()
}

pub fn new_row<R: Insertable>(new: R::New) -> R::New {
    new
}

pub fn scopes(access: &TenantAccess) -> (TenantScoped<User>, TenantScoped<Tenant>) {
    (access.users(), access.tenants())
}

pub fn changes(column: UserColumn) -> (UserColumn, UserChanges) {
    (column, UserChanges::default())
}
