//! Naming the other tenant in every place that a request has.

use reqwest::Method;
use serde_json::json;

use super::World;
use crate::every_fleet;
use crate::support::operations::{Target, documented};
use crate::support::tokens::{altered, in_seconds, member, signed};
use crate::support::{Call, Housing, TestApp};

/// The same call, naming a tenant in one more place.
type Naming = (&'static str, fn(Call, &str) -> Call);

const PLACES: [Naming; 4] = [
    ("X-Tenant-ID", |call, name| call.header("x-tenant-id", name)),
    ("Host", |call, name| call.header("host", format!("{name}.example.com"))),
    ("a second X-Tenant-ID", |call, name| call.header("x-tenant-id", "acme").header("x-tenant-id", name)),
    ("Host and X-Tenant-ID", |call, name| {
        call.header("host", format!("{name}.example.com")).header("x-tenant-id", name)
    }),
];

async fn world(housing: Housing) -> World {
    World::new(TestApp::with(housing, &[("BASE_DOMAIN", "example.com")]).await).await
}

every_fleet! {
    async fn no_operation_follows_another_name(housing: Housing) {
        let world = world(housing).await;
        let victim = Target {
            user: world.globex.users[0].id.clone(),
            post: world.globex.posts[0].id.clone(),
            tenant: "globex".to_owned(),
            ..Target::default()
        };
        for operation in documented().iter().filter(|operation| operation.path.starts_with("/v1/")) {
            for token in [world.member(), world.admin()] {
                for (place, naming) in PLACES {
                    let call = |name: &str| naming(operation.call(&world.app, &victim).bearer(&token), name);
                    let case = format!("{operation} with {place}");
                    let answer = world.same(call("globex"), call("nobody"), &case).await;
                    answer.is((403, "tenant_mismatch"), &case);
                    world.attack(call(&world.globex.tenant.id), &case).await.is((403, "tenant_mismatch"), &case);
                }
                let below = |name: &str| {
                    let path = format!("/t/{name}{}", operation.path_to(&victim));
                    operation.call_at(&world.app, &path, &victim).bearer(&token)
                };
                let answer = world.same(below("globex"), below("nobody"), "the path").await;
                answer.is((403, "tenant_mismatch"), &operation.to_string());
                let domain = operation.call(&world.app, &victim).bearer(&token).header("host", "www.globex.test");
                world.attack(domain, "its own domain").await.is((403, "tenant_mismatch"), &operation.to_string());
            }
        }
        world.victim_is_untouched().await;
    }

    /// Whoever asks what may be asked for is told the same of every tenant, and of none.
    async fn what_a_browser_asks_first_tells_nothing(housing: Housing) {
        let world = world(housing).await;
        for path in ["/v1/users", "/v1/posts/x", "/nothing"] {
            for method in [Method::OPTIONS, Method::HEAD, Method::PUT, Method::from_bytes(b"PURGE").expect("a method")]
            {
                let call = |tenant: &str| world.app.call(method.clone(), &format!("/t/{tenant}{path}"));
                world.same(call("globex"), call("nobody"), path).await;
                world.same(call("globex").bearer(&world.member()), call("nobody").bearer(&world.member()), path).await;
            }
        }
    }

    async fn no_altered_token_opens_anything(housing: Housing) {
        let world = world(housing).await;
        let good = world.admin();
        for claims in [
            json!({ "sub": "eve", "tenant": "globex", "role": "admin", "exp": in_seconds(600) }),
            json!({ "sub": "eve", "tenant": world.globex.tenant.id, "role": "admin", "exp": in_seconds(600) }),
            json!({ "sub": "eve", "role": "platform_admin", "exp": in_seconds(600) }),
        ] {
            let forged = altered(&good, &claims);
            for path in ["/v1/users", "/t/globex/v1/users", "/admin/v1/tenants", "/admin/v1/tenants/globex"] {
                let answer = world.attack(world.app.get(path).bearer(&forged), path).await;
                answer.is((401, "unauthenticated"), path);
            }
        }
        world.victim_is_untouched().await;
    }

    /// Names that an issuer might be talked into signing: they are looked up as they are, or not at all.
    async fn a_claim_that_only_looks_like_the_other_tenant_is_nobodys(housing: Housing) {
        let world = world(housing).await;
        let id = &world.globex.tenant.id;
        let simple = id.replace('-', "");
        for tenant in [
            "Globex",
            "GLOBEX",
            " globex",
            "globex ",
            "globex/",
            "globex.",
            "globex,acme",
            "acme globex",
            "g%6cobex",
            "%",
            "globe_",
            "globex'--",
            "x' OR slug='globex",
            "*",
            "../globex",
            "acme/../globex",
            "www.globex.test",
            "{id}",
            &format!("{{{id}}}"),
            &format!("urn:uuid:{id}"),
            &simple,
            &format!("{id} "),
        ] {
            let answer = world.attack(world.app.get("/v1/users").bearer(&member(tenant, "admin", "eve")), tenant).await;
            answer.is((404, "tenant_not_found"), tenant);
        }
        for extra in ["tenants", "tenant_id", "tid", "org", "slug", "roles", "scope", "is_platform_admin"] {
            let mut claims = json!({ "sub": "eve", "tenant": "acme", "role": "viewer", "exp": in_seconds(600) });
            claims[extra] = json!("globex");
            let call = world.app.get("/v1/tenant").bearer(&signed(&claims));
            assert_eq!(world.attack(call, extra).await.expect(200).json()["slug"], "acme", "{extra}");
        }
        world.victim_is_untouched().await;
    }

    async fn what_names_a_tenant_elsewhere_is_not_read(housing: Housing) {
        let world = world(housing).await;
        let token = world.member();
        for query in ["tenant=globex", "tenant_id=globex", "X-Tenant-ID=globex", "tenant[]=globex", "_tenant=globex"] {
            let answer = world.attack(world.app.get(&format!("/v1/tenant?{query}")).bearer(&token), query).await;
            assert_eq!(answer.expect(200).json()["slug"], "acme", "{query}");
        }
        for name in
            ["x-tenant", "tenant", "tenant-id", "x-tenant-slug", "x_tenant_id", "x-org-id", "cookie", "x-user-id"]
        {
            let call = world.app.get("/v1/tenant").header(name, "globex").bearer(&token);
            assert_eq!(world.attack(call, name).await.expect(200).json()["slug"], "acme", "{name}");
        }
        let post = format!("/v1/posts/{}", world.acme.posts[0].id);
        for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
            let call = world.app.get(&post).header(name, "DELETE").bearer(&token);
            world.attack(call, name).await.expect(200);
        }
        world.app.get(&post).bearer(&token).send().await.expect(200);
        world.victim_is_untouched().await;
    }
}
