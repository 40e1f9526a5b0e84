//! Users listed, made, read, changed and deleted. Everybody in the tenant may read; writing takes an admin.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use entity::{Filter, NewUser, TenantScoped, User, UserColumn};
use uuid::Uuid;

use super::views::{Include, Included, ListedUserView, UserDraft, UserPatch, UserView};
use crate::auth::extract::{TenantAdmin, TenantReader};
use crate::error::Error;
use crate::http::answer::{self, Created, location};
use crate::http::etag::{self, Expected};
use crate::http::paging::{Listing, Paging, Part, Search};
use crate::http::{JsonBody, PathId, QueryParams, idempotency};
use crate::openapi::{
    BodyErrors, ConflictErrors, IdempotencyErrors, IdempotencyKey, IfMatch, IfNoneMatch, PreconditionErrors,
    QueryErrors, TenantErrors,
};
use crate::posts::handlers::posts_part;
use crate::posts::views::PostView;

/// Most posts that come with each user of a list.
const POSTS_OF_EACH: u64 = 20;

/// List users
///
/// Newest first; `q` searches names and addresses.
#[utoipa::path(
    tag = "users",
    params(Paging, Search, Included),
    responses((status = 200, description = "Users.", body = Listing<ListedUserView>), TenantErrors, QueryErrors)
)]
#[get("/users")]
pub(crate) async fn user_list(
    caller: TenantReader,
    paging: QueryParams<Paging>,
    search: QueryParams<Search>,
    included: QueryParams<Included>,
) -> Result<HttpResponse, Error> {
    let (part, search, included) = (paging.valid()?.part()?, search.valid()?, included.valid()?);
    let users = caller.access().users();
    let (rows, rest) = users_part(&users, matching(search), part).await?.split();
    let rows: Vec<ListedUserView> = match included.include {
        Some(Include::Posts) => {
            users.with_posts(rows, POSTS_OF_EACH).await?.into_iter().map(ListedUserView::from).collect()
        }
        None => rows.into_iter().map(ListedUserView::from).collect(),
    };
    Ok(HttpResponse::Ok().json(rest.with(rows)))
}

/// Make a user
#[utoipa::path(
    tag = "users",
    params(IdempotencyKey),
    request_body = UserDraft,
    responses(
        (status = 201, description = "The user.", body = UserView, headers(
            ("Location" = String, description = "Where the user is found."),
            ("ETag" = String, description = "The user's version."),
        )),
        TenantErrors, BodyErrors, IdempotencyErrors, ConflictErrors,
    )
)]
#[post("/users")]
pub(crate) async fn user_create(
    caller: TenantAdmin,
    request: HttpRequest,
    body: JsonBody<UserDraft>,
) -> Result<HttpResponse, Error> {
    let new = NewUser::from(body.valid_in(&caller)?);
    idempotency::create(&request, &caller, body.bytes(), async |scopes| {
        let user = scopes.users().insert(new).await?;
        let (location, tag) = (location(&request, user.id), etag::tag(user.id, user.version));
        Created::new(location, &tag, &UserView::from(user))
    })
    .await
}

/// Read a user
#[utoipa::path(
    tag = "users",
    params(PathId, IfNoneMatch),
    responses(
        (status = 200, description = "The user.", body = UserView, headers(
            ("ETag" = String, description = "The user's version."),
        )),
        (status = 304, description = "It has not changed."),
        TenantErrors,
    )
)]
#[get("/users/{id}")]
pub(crate) async fn user_get(caller: TenantReader, request: HttpRequest, id: PathId) -> Result<HttpResponse, Error> {
    let user = caller.access().users().get(id.valid()?).await?.ok_or(Error::NotFound)?;
    let tag = etag::tag(user.id, user.version);
    Ok(answer::row(&request, tag, &UserView::from(user)))
}

/// Change a user
#[utoipa::path(
    tag = "users",
    params(PathId, IfMatch),
    request_body = UserPatch,
    responses(
        (status = 200, description = "The user as it is now.", body = UserView, headers(
            ("ETag" = String, description = "The user's version."),
        )),
        TenantErrors, BodyErrors, ConflictErrors, PreconditionErrors,
    )
)]
#[patch("/users/{id}")]
pub(crate) async fn user_update(
    caller: TenantAdmin,
    request: HttpRequest,
    id: PathId,
    body: JsonBody<UserPatch>,
) -> Result<HttpResponse, Error> {
    let id = id.valid()?;
    let changes = body.valid_in(&caller)?.into();
    let unchanged = Expected::of(&request, id).filter(UserColumn::Version);
    let users = caller.access().users();
    let Some(user) = users.update(id, unchanged, changes).await? else {
        return Err(missed(&users, id).await?);
    };
    let tag = etag::tag(user.id, user.version);
    Ok(answer::changed(tag, &UserView::from(user)))
}

/// Delete a user
///
/// The user's posts are deleted too.
#[utoipa::path(
    tag = "users",
    params(PathId, IfMatch),
    responses((status = 204, description = "It is gone."), TenantErrors, PreconditionErrors)
)]
#[delete("/users/{id}")]
pub(crate) async fn user_delete(caller: TenantAdmin, request: HttpRequest, id: PathId) -> Result<HttpResponse, Error> {
    let id = id.valid()?;
    let unchanged = Expected::of(&request, id).filter(UserColumn::Version);
    let users = caller.access().users();
    if !users.delete(id, unchanged).await? {
        return Err(missed(&users, id).await?);
    }
    Ok(HttpResponse::NoContent().finish())
}

/// List a user's posts
///
/// Newest first; `q` searches titles.
#[utoipa::path(
    tag = "users",
    params(PathId, Paging, Search),
    responses((status = 200, description = "Posts.", body = Listing<PostView>), TenantErrors, QueryErrors)
)]
#[get("/users/{id}/posts")]
pub(crate) async fn user_posts(
    caller: TenantReader,
    id: PathId,
    paging: QueryParams<Paging>,
    search: QueryParams<Search>,
) -> Result<HttpResponse, Error> {
    let (id, part, search) = (id.valid()?, paging.valid()?.part()?, search.valid()?);
    if !exists(&caller.access().users(), id).await? {
        return Err(Error::NotFound);
    }
    let posts = posts_part(&caller.access().posts(), Some(id), search, part).await?;
    Ok(HttpResponse::Ok().json(posts.map(PostView::from)))
}

fn matching(search: Search) -> Filter<User> {
    search.q.map_or_else(Filter::all, |text| {
        Filter::contains(UserColumn::Name, text.clone()).or(Filter::contains(UserColumn::Email, text))
    })
}

async fn users_part(users: &TenantScoped<User>, filter: Filter<User>, part: Part) -> Result<Listing<User>, Error> {
    match part {
        Part::Slice { after, limit } => {
            let after = after.map(|cursor| users.cursor(&cursor)).transpose()?;
            Ok(Listing::of_slice(users.list(filter).slice(after, limit).await?))
        }
        Part::Page { number, limit } => {
            Ok(Listing::of_page(users.list(filter).page(number, limit).await?, number, limit))
        }
    }
}

/// Why a write found no row to change: there is none, or it is no longer the version that was asked for.
async fn missed(users: &TenantScoped<User>, id: Uuid) -> Result<Error, Error> {
    Ok(if exists(users, id).await? { Error::PreconditionFailed } else { Error::NotFound })
}

async fn exists(users: &TenantScoped<User>, id: Uuid) -> Result<bool, Error> {
    Ok(users.exists(Filter::eq(UserColumn::Id, id)).await?)
}
