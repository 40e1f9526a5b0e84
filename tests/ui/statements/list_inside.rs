//! Takes the filter or the scope out of a list, or runs the list's statement without the scope.
//!
//! Must fail: a list's parts are private to the data crate.

use entity::{Filter, List, TenantScoped, User};

pub fn filter(mut list: List<'_, User>) {
    list.filter = Filter::all();
}

pub fn scope(list: List<'_, User>) {
    let _ = list.scope;
}

pub fn made(users: &TenantScoped<User>) {
    List::new(users, Filter::all());
}

pub fn query(list: List<'_, User>) {
    list.into_query();
}
