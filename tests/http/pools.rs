//! The pools as the platform looks at them.

use serde_json::{Value, json};

use crate::both_databases;
use crate::expect::is_time;
use crate::support::{TestApp, tokens};

async fn pools(app: &TestApp) -> Value {
    app.get("/admin/v1/pools").bearer(&tokens::platform()).send().await.expect(200).json()
}

/// The pool with this role that tenants share, or that is this one's own.
fn pool<'p>(pools: &'p Value, role: &str, tenant: &Value) -> &'p Value {
    let all = pools["data"].as_array().expect("a list");
    let found = all.iter().find(|pool| pool["role"] == role && pool["tenant"] == *tenant);
    found.unwrap_or_else(|| panic!("no pool {role} of {tenant}: {pools}"))
}

both_databases! {
    async fn every_pool_shows_how_full_it_is(app: TestApp) {
        let acme = app.tenant("acme").await;
        app.user(&acme, "ada").await;
        app.get("/v1/users").bearer(&acme.token("viewer")).send().await.expect(200);
        let seen = pools(&app).await;
        let serving = pool(&seen, "serving", &Value::Null);
        let names: Vec<_> = serving.as_object().unwrap().keys().map(String::as_str).collect();
        let expected =
            ["datastore", "in_use", "last_scaling", "limit", "max", "min", "role", "size", "tenant", "waiting"];
        assert_eq!(names, expected);
        assert_eq!((&serving["min"], &serving["max"], &serving["datastore"]), (&json!(1), &json!(4), &Value::Null));
        assert_eq!((&serving["in_use"], &serving["waiting"]), (&json!(0), &json!(0)), "nobody is at it: {serving}");
        assert!(serving["size"].as_u64() >= Some(1), "{serving}");
        // The one request was more than the threshold of a pool of one.
        let scaling = &serving["last_scaling"];
        assert!(scaling["from"].as_u64() < scaling["to"].as_u64(), "{scaling}");
        assert_eq!(scaling["to"], serving["limit"]);
        is_time(&scaling["at"]);

        let sizes: u64 = seen["data"].as_array().unwrap().iter().filter_map(|pool| pool["size"].as_u64()).sum();
        assert_eq!((&seen["budget"]["limit"], &seen["budget"]["waiting"]), (&json!(8), &json!(0)));
        assert!((sizes..=8).contains(&seen["budget"]["open"].as_u64().unwrap()), "{seen}");
    }

    async fn a_database_of_ones_own_has_a_pool_of_its_own(app: TestApp) {
        let acme = app.tenant_with(&json!({"slug": "acme", "name": "Acme", "isolation": "database"})).await;
        app.user(&acme, "ada").await;
        let seen = pools(&app).await;
        let own = pool(&seen, "serving", &json!(acme.id));
        assert!(own["limit"].as_u64() <= own["max"].as_u64(), "{own}");
    }

    async fn the_budget_is_told_to_machines(app: TestApp) {
        app.tenant("acme").await;
        let metrics = app.get("/metrics").send().await.expect(200).text;
        let gauge = |name: &str| {
            let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse::<u64>().ok());
            value.unwrap_or_else(|| panic!("no {name}: {metrics}"))
        };
        assert_eq!(gauge("tenantry_connection_budget"), 8);
        assert!((1..=8).contains(&gauge("tenantry_connections_open")));
        assert_eq!(gauge("tenantry_connections_waiting"), 0);
    }

    async fn the_pools_are_the_platforms(app: TestApp) {
        let acme = app.tenant("acme").await;
        app.get("/admin/v1/pools").send().await.refused(401, "unauthenticated");
        app.get("/admin/v1/pools").bearer(&acme.token("admin")).send().await.refused(403, "forbidden");
    }
}
