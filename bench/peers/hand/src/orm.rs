//! Through SeaORM as its documentation shows it, with its own pool.

use actix_web::web::{Data, Json, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, error, web};
use chrono::Utc;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectOptions, Database, DatabaseConnection, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::{CONNECTIONS, Draft, Page, Patch, Post, Tokens, Wanted};

mod post {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "posts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: Uuid,
        pub title: String,
        pub title_folded: String,
        pub content: Option<String>,
        pub bytes: i64,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl From<post::Model> for Post {
    fn from(post: post::Model) -> Self {
        let post::Model { id, tenant_id, user_id, title, content, created_at, updated_at, .. } = post;
        Self { id, tenant_id, user_id, title, content, created_at, updated_at }
    }
}

pub(crate) async fn routes(url: &str) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static + use<> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(CONNECTIONS as u32).min_connections(CONNECTIONS as u32).sqlx_logging(false);
    let database = Data::new(Database::connect(options).await.expect("a database"));
    move |config| {
        config
            .app_data(database.clone())
            .route("/v1/posts/{id}", web::get().to(get))
            .route("/v1/posts/{id}", web::patch().to(update))
            .route("/v1/posts", web::get().to(list))
            .route("/v1/posts", web::post().to(create));
    }
}

async fn get(
    request: HttpRequest,
    tokens: Data<Tokens>,
    database: Data<DatabaseConnection>,
    id: Path<Uuid>,
) -> actix_web::Result<HttpResponse> {
    let tenant = tokens.tenant(&request)?;
    let find = post::Entity::find_by_id((tenant, *id)).one(&**database);
    let post = find.await.map_err(error::ErrorInternalServerError)?;
    post.map(|post| HttpResponse::Ok().json(Post::from(post))).ok_or_else(|| error::ErrorNotFound("no such post"))
}

async fn list(
    request: HttpRequest,
    tokens: Data<Tokens>,
    database: Data<DatabaseConnection>,
    wanted: Query<Wanted>,
) -> actix_web::Result<Json<Page>> {
    let tenant = tokens.tenant(&request)?;
    let limit = wanted.limit as u64;
    let mut find = post::Entity::find().filter(post::Column::TenantId.eq(tenant)).order_by_desc(post::Column::Id);
    if let Some(pattern) = wanted.pattern() {
        find = find.filter(post::Column::TitleFolded.like(pattern));
    }
    let mut posts = find.limit(limit + 1).all(&**database).await.map_err(error::ErrorInternalServerError)?;
    let more = posts.len() as u64 > limit;
    posts.truncate(limit as usize);
    let next_cursor = posts.last().filter(|_| more).map(|post| post.id);
    Ok(Json(Page { data: posts.into_iter().map(Post::from).collect(), next_cursor }))
}

async fn create(
    request: HttpRequest,
    tokens: Data<Tokens>,
    database: Data<DatabaseConnection>,
    draft: Json<Draft>,
) -> actix_web::Result<HttpResponse> {
    let tenant = tokens.tenant(&request)?;
    let Draft { user_id, title, content } = draft.into_inner();
    let now = Utc::now();
    let post = post::ActiveModel {
        tenant_id: Set(tenant),
        id: Set(Uuid::now_v7()),
        user_id: Set(user_id),
        title_folded: Set(title.to_lowercase()),
        bytes: Set((title.len() + content.as_ref().map_or(0, String::len)) as i64),
        title: Set(title),
        content: Set(content),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let post = post.insert(&**database).await.map_err(error::ErrorInternalServerError)?;
    Ok(HttpResponse::Created().json(Post::from(post)))
}

async fn update(
    request: HttpRequest,
    tokens: Data<Tokens>,
    database: Data<DatabaseConnection>,
    id: Path<Uuid>,
    patch: Json<Patch>,
) -> actix_web::Result<HttpResponse> {
    let tenant = tokens.tenant(&request)?;
    let title = patch.into_inner().title;
    let find = post::Entity::find_by_id((tenant, *id)).one(&**database);
    let post = find.await.map_err(error::ErrorInternalServerError)?;
    let post = post.ok_or_else(|| error::ErrorNotFound("no such post"))?;
    let bytes = (title.len() + post.content.as_ref().map_or(0, String::len)) as i64;
    let version = post.version + 1;
    let mut post: post::ActiveModel = post.into();
    post.title_folded = Set(title.to_lowercase());
    post.title = Set(title);
    post.bytes = Set(bytes);
    post.version = Set(version);
    post.updated_at = Set(Utc::now());
    let post = post.update(&**database).await.map_err(error::ErrorInternalServerError)?;
    Ok(HttpResponse::Ok().json(Post::from(post)))
}
