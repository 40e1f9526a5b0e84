//! Through tokio-postgres: prepared statements, and a pool that does nothing on release.

use actix_web::web::{Data, Json, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, error, web};
use chrono::Utc;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row};
use uuid::Uuid;

use crate::{CONNECTIONS, Draft, Page, Patch, Post, Tokens, Wanted};

const COLUMNS: &str = "id, tenant_id, user_id, title, content, created_at, updated_at";

pub(crate) fn routes(url: &str) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let fast = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(url.parse().expect("an address"), NoTls, fast);
    let pool = Data::new(Pool::builder(manager).max_size(CONNECTIONS).build().expect("a pool"));
    move |config| {
        config
            .app_data(pool.clone())
            .route("/v1/posts/{id}", web::get().to(get))
            .route("/v1/posts/{id}", web::patch().to(update))
            .route("/v1/posts", web::get().to(list))
            .route("/v1/posts", web::post().to(create));
    }
}

async fn get(
    request: HttpRequest,
    tokens: Data<Tokens>,
    pool: Data<Pool>,
    id: Path<Uuid>,
) -> actix_web::Result<HttpResponse> {
    let tenant = tokens.tenant(&request)?;
    let sql = format!("SELECT {COLUMNS} FROM posts WHERE tenant_id = $1 AND id = $2");
    let client = pool.get().await.map_err(error::ErrorServiceUnavailable)?;
    let statement = client.prepare_cached(&sql).await.map_err(error::ErrorInternalServerError)?;
    let row = client.query_opt(&statement, &[&tenant, &*id]).await.map_err(error::ErrorInternalServerError)?;
    row.map(|row| HttpResponse::Ok().json(read(&row))).ok_or_else(|| error::ErrorNotFound("no such post"))
}

async fn list(
    request: HttpRequest,
    tokens: Data<Tokens>,
    pool: Data<Pool>,
    wanted: Query<Wanted>,
) -> actix_web::Result<Json<Page>> {
    let tenant = tokens.tenant(&request)?;
    let (limit, pattern) = (wanted.limit + 1, wanted.pattern());
    let like = if pattern.is_some() { "AND title_folded LIKE $3" } else { "" };
    let sql = format!("SELECT {COLUMNS} FROM posts WHERE tenant_id = $1 {like} ORDER BY id DESC LIMIT $2");
    let client = pool.get().await.map_err(error::ErrorServiceUnavailable)?;
    let statement = client.prepare_cached(&sql).await.map_err(error::ErrorInternalServerError)?;
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&tenant, &limit];
    values.extend(pattern.as_ref().map(|pattern| pattern as &(dyn ToSql + Sync)));
    let rows = client.query(&statement, &values).await.map_err(error::ErrorInternalServerError)?;
    let shown = rows.len().min(wanted.limit as usize);
    let data: Vec<Post> = rows[..shown].iter().map(read).collect();
    let next_cursor = data.last().filter(|_| rows.len() > shown).map(|post| post.id);
    Ok(Json(Page { data, next_cursor }))
}

async fn create(
    request: HttpRequest,
    tokens: Data<Tokens>,
    pool: Data<Pool>,
    draft: Json<Draft>,
) -> actix_web::Result<HttpResponse> {
    let tenant = tokens.tenant(&request)?;
    let sql = format!(
        "INSERT INTO posts (tenant_id, id, user_id, title, title_folded, content, bytes, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8) RETURNING {COLUMNS}"
    );
    let Draft { user_id, title, content } = draft.into_inner();
    let bytes = (title.len() + content.as_ref().map_or(0, String::len)) as i64;
    let client = pool.get().await.map_err(error::ErrorServiceUnavailable)?;
    let statement = client.prepare_cached(&sql).await.map_err(error::ErrorInternalServerError)?;
    let (id, folded, now) = (Uuid::now_v7(), title.to_lowercase(), Utc::now());
    let row = client
        .query_one(&statement, &[&tenant, &id, &user_id, &title, &folded, &content, &bytes, &now])
        .await
        .map_err(error::ErrorInternalServerError)?;
    Ok(HttpResponse::Created().json(read(&row)))
}

async fn update(
    request: HttpRequest,
    tokens: Data<Tokens>,
    pool: Data<Pool>,
    id: Path<Uuid>,
    patch: Json<Patch>,
) -> actix_web::Result<HttpResponse> {
    let tenant = tokens.tenant(&request)?;
    let sql = format!(
        "UPDATE posts SET title = $3, title_folded = $4, bytes = $5::bigint + octet_length(content), version = version + 1, updated_at = $6
         WHERE tenant_id = $1 AND id = $2 RETURNING {COLUMNS}"
    );
    let client = pool.get().await.map_err(error::ErrorServiceUnavailable)?;
    let statement = client.prepare_cached(&sql).await.map_err(error::ErrorInternalServerError)?;
    let (title, folded, bytes, now) = (&patch.title, patch.title.to_lowercase(), patch.title.len() as i64, Utc::now());
    let row = client
        .query_opt(&statement, &[&tenant, &*id, title, &folded, &bytes, &now])
        .await
        .map_err(error::ErrorInternalServerError)?;
    row.map(|row| HttpResponse::Ok().json(read(&row))).ok_or_else(|| error::ErrorNotFound("no such post"))
}

fn read(row: &Row) -> Post {
    Post {
        id: row.get(0),
        tenant_id: row.get(1),
        user_id: row.get(2),
        title: row.get(3),
        content: row.get(4),
        created_at: row.get(5),
        updated_at: row.get(6),
    }
}
