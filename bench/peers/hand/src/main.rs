//! Endpoints over posts, written by hand: the token is checked, the query names the tenant, and nothing else is done. No
//! policies, no roles, no limits, no cache, no audit: the least that a service of this kind can cost.
//!
//! `hand driver` asks PostgreSQL through tokio-postgres and a plain pool, `hand orm` through SeaORM and its own pool.

mod driver;
mod orm;

use std::env;

use actix_web::http::header::AUTHORIZATION;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpRequest, HttpServer, error, web};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Connections to the database, as many as the service's own pool may have.
const CONNECTIONS: usize = 16;

/// A post as it is answered.
#[derive(Serialize)]
struct Post {
    id: Uuid,
    tenant_id: Uuid,
    user_id: Uuid,
    title: String,
    content: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// A page of posts.
#[derive(Serialize)]
struct Page {
    data: Vec<Post>,
    next_cursor: Option<Uuid>,
}

/// A post as it is sent.
#[derive(Deserialize)]
struct Draft {
    user_id: Uuid,
    title: String,
    content: Option<String>,
}

/// How many posts of a list, and what is looked for in their titles.
#[derive(Deserialize)]
struct Wanted {
    limit: i64,
    q: Option<String>,
}

impl Wanted {
    /// What a title must be like. Nothing is escaped: nobody sends `%` here.
    fn pattern(&self) -> Option<String> {
        self.q.as_ref().map(|text| format!("%{}%", text.to_lowercase()))
    }
}

/// What to change of a post.
#[derive(Deserialize)]
struct Patch {
    title: String,
}

#[derive(Deserialize)]
struct Claims {
    tenant: Uuid,
}

/// Checks tokens.
struct Tokens {
    key: DecodingKey,
    rules: Validation,
}

impl Tokens {
    fn new(secret: &str) -> Self {
        Self { key: DecodingKey::from_secret(secret.as_bytes()), rules: Validation::new(Algorithm::HS256) }
    }

    /// The tenant that the request is for.
    fn tenant(&self, request: &HttpRequest) -> Result<Uuid, actix_web::Error> {
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(|| error::ErrorUnauthorized("no token"))?;
        let checked = jsonwebtoken::decode::<Claims>(token, &self.key, &self.rules);
        checked.map(|token| token.claims.tenant).map_err(error::ErrorUnauthorized)
    }
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let url = variable("DATABASE_URL");
    match env::args().nth(1).as_deref() {
        Some("driver") => serve(driver::routes(&url)).await,
        Some("orm") => serve(orm::routes(&url).await).await,
        _ => panic!("usage: hand driver|orm"),
    }
}

async fn serve(routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> std::io::Result<()> {
    let tokens = web::Data::new(Tokens::new(&variable("JWT_SECRET")));
    let application = move || App::new().app_data(tokens.clone()).configure(routes.clone());
    HttpServer::new(application).workers(2).bind(variable("BIND_ADDR"))?.run().await
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}
