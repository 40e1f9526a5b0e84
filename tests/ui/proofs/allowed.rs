//! How proofs come to a handler: by its extractors, and from there on as values.

use actix_web::web;
use entity::{Gatekeeper, Located, Origin, PlatformAdmin, Role, Tenant, TenantAccess, TenantScoped, Transaction, User};
use tenantry::auth::Authenticator;
use tenantry::auth::extract::{Caller, PlatformCaller, TenantAdmin, TenantReader};
use uuid::Uuid;

pub fn member(caller: TenantReader) -> (TenantAccess, Role) {
    let caller: &Caller = &caller;
    (caller.access().clone(), caller.role())
}

pub fn admin(caller: TenantAdmin) -> TenantScoped<User> {
    caller.access().users()
}

pub fn joined(transaction: &Transaction) -> TenantScoped<User> {
    transaction.users()
}

pub fn operator(caller: PlatformCaller, _: web::Data<Authenticator>) -> String {
    caller.operator().to_owned()
}

pub fn own_id(access: &TenantAccess) -> Uuid {
    let own: &Tenant = access.tenant();
    own.id
}

/// What authentication and the command line do, who hold the gatekeeper.
pub fn proven(gatekeeper: &Gatekeeper, located: Located) -> (Option<TenantAccess>, PlatformAdmin) {
    (gatekeeper.admit(located).ok(), gatekeeper.platform_admin("ops", Origin::command_line()))
}
