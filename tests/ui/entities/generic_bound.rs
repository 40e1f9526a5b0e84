//! Writes code over any `R: Resource`, to get at what its entity can do.
//!
//! Must fail: the bound gives columns and changes only; operations need one that is private to the data crate.

use entity::{Filter, Insertable, Resource, TenantScoped};

pub async fn find<R: Resource>(rows: TenantScoped<R>) {
    rows.find(Filter::all()).await;
}

pub async fn insert<R: Insertable>(rows: TenantScoped<R>, new: R::New) {
    rows.insert(new).await;
}

pub async fn find_everywhere<R: Resource>() {
    R::find();
}
