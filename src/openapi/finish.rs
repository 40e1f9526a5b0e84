//! What follows from a path alone, added to every operation so that no handler can forget it.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::server::{ServerBuilder, ServerVariableBuilder};
use utoipa::openapi::{Header, Object, OpenApi, Ref, RefOr, Required, Response, Schema, Server, Type};

/// The name of the security scheme: a signed token.
pub(super) const BEARER: &str = "bearer";

const REQUEST_ID: &str = "X-Request-ID";
const TENANT_ID: &str = "X-Tenant-ID";

/// Completes a document whose paths have been collected.
pub(super) fn finish(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let in_tenant = path.starts_with("/v1/");
        if in_tenant {
            item.servers = Some(tenant_servers());
            item.parameters.get_or_insert_default().push(reference("parameters", TENANT_ID));
        }
        let guarded = in_tenant || path.starts_with("/admin/");
        for operation in operations(item) {
            if guarded {
                operation.security = Some(vec![SecurityRequirement::new(BEARER, [""; 0])]);
            }
            operation.parameters.iter_mut().flatten().for_each(drop_null);
            operation.responses.responses.values_mut().for_each(add_request_id);
        }
    }
    let components = document.components.get_or_insert_default();
    components.responses.values_mut().for_each(add_request_id);
    components.headers.insert(REQUEST_ID.to_owned(), request_id().into());
    components.parameters.insert(TENANT_ID.to_owned(), tenant_id().into());
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// The same operations are served at the root and, with the tenant in the path, below `/t`.
fn tenant_servers() -> Vec<Server> {
    let tenant = ServerVariableBuilder::new().default_value("acme").description(Some("The tenant's slug or id."));
    vec![
        Server::new("/"),
        ServerBuilder::new()
            .url("/t/{tenant}")
            .description(Some("The tenant named in the path"))
            .parameter("tenant", tenant)
            .build(),
    ]
}

fn tenant_id() -> Parameter {
    ParameterBuilder::new()
        .name(TENANT_ID)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The tenant's slug or id. It must be the one that the token is for."))
        .schema(Some(Object::with_type(Type::String)))
        .example(Some("acme".into()))
        .build()
}

fn request_id() -> Header {
    HeaderBuilder::new()
        .description(Some("The id under which this request is logged: the one that was sent, or a new one."))
        .build()
}

fn add_request_id(response: &mut RefOr<Response>) {
    if let RefOr::T(response) = response {
        let header = reference("headers", REQUEST_ID);
        response.headers.insert(REQUEST_ID.to_owned(), header);
    }
}

/// An optional parameter is one that may be absent: unlike JSON, neither a query nor a header has nulls.
fn drop_null(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(parameter) = parameter else {
        return;
    };
    match &mut parameter.schema {
        Some(RefOr::T(Schema::Object(object))) => {
            if let SchemaType::Array(types) = &mut object.schema_type {
                types.retain(|kind| *kind != Type::Null);
            }
        }
        Some(RefOr::T(Schema::OneOf(choices))) => choices.items.retain(|item| !is_null(item)),
        _ => {}
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == Type::Null.into())
}

fn reference<T>(kind: &str, name: &str) -> RefOr<T> {
    RefOr::Ref(Ref::new(format!("#/components/{kind}/{name}")))
}
