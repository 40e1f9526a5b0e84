//! Everything a tenant owns as a stream of lines, and tenants made from such streams.

use std::time::Duration;

use actix_web::http::header::{self, ContentDisposition, DispositionParam, DispositionType};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, get, post};
use entity::{Contents, Export, Import, ImportOptions, ImportedTenant, Isolation};
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa::IntoParams;
use validator::Validate;

use super::handlers::taken;
use super::path::TenantPath;
use super::views::TenantView;
use crate::auth::extract::PlatformCaller;
use crate::config::TenancyConfig;
use crate::error::Error;
use crate::http::answer::Created;
use crate::http::body::is_uncompressed;
use crate::http::{Limits, QueryParams, etag, rules};
use crate::openapi::{AdminErrors, AdminTenantErrors, ConflictErrors, QueryErrors, StreamErrors, words};
use crate::tenancy::slug::{Domain, Slug};

/// Newline-delimited JSON.
const MEDIA_TYPE: &str = "application/x-ndjson";

/// Other names of it, and what says nothing about it.
const ALSO_TAKEN: [&str; 3] = ["application/ndjson", "application/jsonl", "application/octet-stream"];

/// What an export holds.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportParams {
    /// Whether sealed contents are opened (the default), or written as they are stored, for whoever has the master key.
    #[param(schema_with = words::contents)]
    contents: Option<Contents>,
}

/// Export a tenant
///
/// Everything it owns as it is at one moment: a line of JSON for the tenant, one for each row, and one with their numbers. Each
/// line has a sum over itself and the line before it. An answer that breaks off lacks the last line, and cannot be imported.
#[utoipa::path(
    tag = "tenants",
    params(TenantPath, ExportParams),
    responses(
        (status = 200, description = "The lines.", body = String, content_type = "application/x-ndjson"),
        AdminErrors, AdminTenantErrors, ConflictErrors, QueryErrors,
    )
)]
#[get("/tenants/{tenant}/export")]
pub(crate) async fn tenant_export(
    caller: PlatformCaller,
    path: TenantPath,
    params: QueryParams<ExportParams>,
    limits: Data<Limits>,
) -> Result<HttpResponse, Error> {
    let contents = params.valid()?.contents.unwrap_or(Contents::Plain);
    let platform = caller.platform();
    let tenant = path.find(&platform).await?;
    let export = platform.tenant_export(&tenant, contents).await?;
    let lines = at_the_readers_pace(export, limits.time);
    let name = DispositionParam::Filename(format!("{}.ndjson", tenant.slug));
    let disposition = ContentDisposition { disposition: DispositionType::Attachment, parameters: vec![name] };
    Ok(HttpResponse::Ok()
        .content_type(MEDIA_TYPE)
        .insert_header((header::CONTENT_DISPOSITION, disposition.to_string()))
        .streaming(lines))
}

/// The lines, as the client takes them. One that takes none for this long is given up: the export holds a connection, and the
/// database keeps what has changed since. The stream then ends in an error, so that the client sees that it broke off.
fn at_the_readers_pace(mut export: Export, patience: Duration) -> impl Stream<Item = Result<Bytes, Error>> {
    let (sender, receiver) = mpsc::channel(1);
    actix_web::rt::spawn(async move {
        loop {
            let lines = export.next().await.map_err(Error::from);
            let has_ended = !matches!(lines, Ok(Some(_)));
            if sender.send_timeout(lines, patience).await.is_err() {
                tracing::warn!("an export was given up: its reader took nothing for too long, or went away");
                return;
            }
            if has_ended {
                return;
            }
        }
    });
    stream::unfold(Some(receiver), next_lines)
}

type Lines = Result<Option<Vec<u8>>, Error>;

async fn next_lines(
    receiver: Option<mpsc::Receiver<Lines>>,
) -> Option<(Result<Bytes, Error>, Option<mpsc::Receiver<Lines>>)> {
    let mut receiver = receiver?;
    match receiver.recv().await {
        Some(Ok(Some(lines))) => Some((Ok(Bytes::from(lines)), Some(receiver))),
        Some(Ok(None)) => None,
        Some(Err(error)) => Some((Err(error), None)),
        None => Some((Err(Error::Timeout), None)),
    }
}

/// How an import may differ from what was exported.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportParams {
    /// Another short name.
    #[param(example = "acme-copy")]
    slug: Option<String>,
    /// Where the rows are to live: as they did, unless given; shared where that cannot be.
    #[param(schema_with = words::isolation)]
    isolation: Option<Isolation>,
    /// The further database server to place it on, of those in `DATASTORES`.
    #[validate(custom(function = "rules::no_nul"))]
    datastore: Option<String>,
    /// `false` leaves its custom domains behind, as they must be where they name another tenant.
    #[serde(default = "kept")]
    #[param(default = true, required = false)]
    domains: bool,
}

fn kept() -> bool {
    true
}

/// Import a tenant
///
/// From the lines of an export, also of another installation and another database. All of it or nothing: a line that was
/// changed, left out or cannot be stored is named (`line 17`), and nothing is kept. Its id is kept if it was never used here.
#[utoipa::path(
    tag = "tenants",
    params(ImportParams),
    request_body(content = String, content_type = "application/x-ndjson", description = "The lines."),
    responses(
        (status = 201, description = "The tenant, with everything it owns.", body = TenantView, headers(
            ("Location" = String, description = "Where the tenant is found."),
            ("ETag" = String, description = "The tenant's version."),
        )),
        AdminErrors, StreamErrors, ConflictErrors,
    )
)]
#[post("/tenants/import")]
pub(crate) async fn tenant_import(
    caller: PlatformCaller,
    params: QueryParams<ImportParams>,
    tenancy: Data<TenancyConfig>,
    limits: Data<Limits>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, Error> {
    if !are_lines(&request) {
        return Err(Error::UnsupportedMediaType { takes: MEDIA_TYPE });
    }
    let ImportParams { slug, isolation, datastore, domains } = params.valid()?;
    let judge = judge(TenancyConfig::clone(&tenancy));
    let options = ImportOptions { slug, isolation, datastore, without_domains: !domains };
    let import = caller.platform().tenant_import(options, judge);
    let tenant = receive(import, body, &limits).await?.finish().await.map_err(taken)?;
    let (location, tag) = (format!("/admin/v1/tenants/{}", tenant.id), etag::tag(tenant.id, tenant.version));
    Ok(Created::new(location, &tag, &TenantView::from(tenant))?.into())
}

fn are_lines(request: &HttpRequest) -> bool {
    let kind = request.content_type();
    is_uncompressed(request) && (kind.is_empty() || kind == MEDIA_TYPE || ALSO_TAKEN.contains(&kind))
}

/// Takes the body in piece by piece. There is no limit to the whole of it, in size or time; each piece has one in time.
async fn receive(mut import: Import, mut body: Payload, limits: &Limits) -> Result<Import, Error> {
    loop {
        let next = tokio::time::timeout(limits.time, body.next()).await.map_err(|_| Error::Timeout)?;
        match next {
            Some(Ok(bytes)) => import.push(&bytes).await.map_err(taken)?,
            Some(Err(_)) => return Err(Error::malformed("The body broke off.")),
            None => return Ok(import),
        }
    }
}

/// The rules for tenants hold for imported ones too, whatever their lines say.
pub(crate) fn judge(tenancy: TenancyConfig) -> impl Fn(&ImportedTenant) -> Result<(), String> + Send + 'static {
    move |tenant| {
        Slug::parse(&tenant.slug, &tenancy.reserved_slugs).map_err(|error| format!("has a slug that {error}"))?;
        for domain in &tenant.domains {
            Domain::parse(domain, tenancy.base_domain.as_deref())
                .map_err(|error| format!("has a domain, {domain}, that {error}"))?;
        }
        rules::not_blank(&tenant.name).map_err(|_| "has a name that is blank".to_owned())?;
        if tenant.name.chars().count() > 100 { Err("has a name that is too long".to_owned()) } else { Ok(()) }
    }
}
