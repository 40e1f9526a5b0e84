//! Posts listed, made, read, changed and deleted. A member writes only its own; an admin, anybody's in the tenant.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use entity::{Filter, Post, PostChanges, PostColumn, TenantScoped};
use uuid::Uuid;

use super::views::{PostDraft, PostPatch, PostView};
use crate::auth::extract::{Caller, TenantReader, TenantWriter};
use crate::error::Error;
use crate::http::answer::{self, Created, location};
use crate::http::etag::{self, Expected};
use crate::http::paging::{Listing, Paging, Part, Search};
use crate::http::{JsonBody, PathId, QueryParams, idempotency};
use crate::openapi::{
    BodyErrors, IdempotencyErrors, IdempotencyKey, IfMatch, IfNoneMatch, PreconditionErrors, QueryErrors, TenantErrors,
};

/// List posts
///
/// Newest first; `q` searches titles.
#[utoipa::path(
    tag = "posts",
    params(Paging, Search),
    responses((status = 200, description = "Posts.", body = Listing<PostView>), TenantErrors, QueryErrors)
)]
#[get("/posts")]
pub(crate) async fn post_list(
    caller: TenantReader,
    paging: QueryParams<Paging>,
    search: QueryParams<Search>,
) -> Result<HttpResponse, Error> {
    let (part, search) = (paging.valid()?.part()?, search.valid()?);
    let posts = posts_part(&caller.access().posts(), None, search, part).await?;
    Ok(HttpResponse::Ok().json(posts.map(PostView::from)))
}

/// Make a post
///
/// A member makes posts of its own only.
#[utoipa::path(
    tag = "posts",
    params(IdempotencyKey),
    request_body = PostDraft,
    responses(
        (status = 201, description = "The post.", body = PostView, headers(
            ("Location" = String, description = "Where the post is found."),
            ("ETag" = String, description = "The post's version."),
        )),
        TenantErrors, BodyErrors, IdempotencyErrors,
    )
)]
#[post("/posts")]
pub(crate) async fn post_create(
    caller: TenantWriter,
    request: HttpRequest,
    body: JsonBody<PostDraft>,
) -> Result<HttpResponse, Error> {
    let draft = body.valid_in(&caller)?;
    let author = author(&caller, draft.user_id)?;
    let new = draft.written_by(author);
    idempotency::create(&request, &caller, body.bytes(), async |scopes| {
        let post = scopes.posts().insert(new).await?;
        let (location, tag) = (location(&request, post.id), etag::tag(post.id, post.version));
        Created::new(location, &tag, &PostView::from(post))
    })
    .await
}

/// Read a post
#[utoipa::path(
    tag = "posts",
    params(PathId, IfNoneMatch),
    responses(
        (status = 200, description = "The post.", body = PostView, headers(
            ("ETag" = String, description = "The post's version."),
        )),
        (status = 304, description = "It has not changed."),
        TenantErrors,
    )
)]
#[get("/posts/{id}")]
pub(crate) async fn post_get(caller: TenantReader, request: HttpRequest, id: PathId) -> Result<HttpResponse, Error> {
    let post = caller.access().posts().get(id.valid()?).await?.ok_or(Error::NotFound)?;
    let tag = etag::tag(post.id, post.version);
    Ok(answer::row(&request, tag, &PostView::from(post)))
}

/// Change a post
///
/// A member changes posts of its own only, and cannot give them away.
#[utoipa::path(
    tag = "posts",
    params(PathId, IfMatch),
    request_body = PostPatch,
    responses(
        (status = 200, description = "The post as it is now.", body = PostView, headers(
            ("ETag" = String, description = "The post's version."),
        )),
        TenantErrors, BodyErrors, PreconditionErrors,
    )
)]
#[patch("/posts/{id}")]
pub(crate) async fn post_update(
    caller: TenantWriter,
    request: HttpRequest,
    id: PathId,
    body: JsonBody<PostPatch>,
) -> Result<HttpResponse, Error> {
    let id = id.valid()?;
    let changes = PostChanges::from(body.valid_in(&caller)?);
    let expected = Expected::of(&request, id);
    let posts = caller.access().posts();
    if changes.user_id.is_some_and(|author| !caller.may_write_posts_of(author)) {
        let exists = posts.exists(Filter::eq(PostColumn::Id, id)).await?;
        return Err(if exists { Error::Forbidden } else { Error::NotFound });
    }
    let written = writable(&caller).and(expected.filter(PostColumn::Version));
    let Some(post) = posts.update(id, written, changes).await? else {
        return Err(missed(&caller, &posts, id).await?);
    };
    let tag = etag::tag(post.id, post.version);
    Ok(answer::changed(tag, &PostView::from(post)))
}

/// Delete a post
///
/// A member deletes posts of its own only.
#[utoipa::path(
    tag = "posts",
    params(PathId, IfMatch),
    responses((status = 204, description = "It is gone."), TenantErrors, PreconditionErrors)
)]
#[delete("/posts/{id}")]
pub(crate) async fn post_delete(caller: TenantWriter, request: HttpRequest, id: PathId) -> Result<HttpResponse, Error> {
    let id = id.valid()?;
    let expected = Expected::of(&request, id);
    let posts = caller.access().posts();
    if !posts.delete(id, writable(&caller).and(expected.filter(PostColumn::Version))).await? {
        return Err(missed(&caller, &posts, id).await?);
    }
    Ok(HttpResponse::NoContent().finish())
}

/// A part of the list of posts, of one author or of all.
pub(crate) async fn posts_part(
    posts: &TenantScoped<Post>,
    author: Option<Uuid>,
    search: Search,
    part: Part,
) -> Result<Listing<Post>, Error> {
    let of_author = author.map_or_else(Filter::all, |author| Filter::eq(PostColumn::UserId, author));
    let matching = search.q.map_or_else(Filter::all, |text| Filter::contains(PostColumn::Title, text));
    let filter = of_author.and(matching);
    match part {
        Part::Slice { after, limit } => {
            let after = after.map(|cursor| posts.cursor(&cursor)).transpose()?;
            Ok(Listing::of_slice(posts.list(filter).slice(after, limit).await?))
        }
        Part::Page { number, limit } => {
            Ok(Listing::of_page(posts.list(filter).page(number, limit).await?, number, limit))
        }
    }
}

/// Who writes a new post: the user that the body names, or else the caller, if it is a user at all.
fn author(caller: &Caller, named: Option<Uuid>) -> Result<Uuid, Error> {
    let author = named.or(caller.user_id());
    let author = author.ok_or_else(|| Error::invalid("user_id", "is required: the token is not a user's"))?;
    may_write_of(caller, author)?;
    Ok(author)
}

fn may_write_of(caller: &Caller, author: Uuid) -> Result<(), Error> {
    if caller.may_write_posts_of(author) { Ok(()) } else { Err(Error::Forbidden) }
}

/// The posts that the caller may write: a condition of the write itself, so that a post can be given away at any moment.
fn writable(caller: &Caller) -> Filter<Post> {
    if caller.may_write_all_posts() { Filter::all() } else { Filter::is_in(PostColumn::UserId, caller.user_id()) }
}

/// Why a write found no row to change: there is none, it is another one's, or it is not the version that was asked for.
async fn missed(caller: &Caller, posts: &TenantScoped<Post>, id: Uuid) -> Result<Error, Error> {
    Ok(match posts.value::<Uuid>(id, PostColumn::UserId).await? {
        None => Error::NotFound,
        Some(author) if !caller.may_write_posts_of(author) => Error::Forbidden,
        Some(_) => Error::PreconditionFailed,
    })
}
