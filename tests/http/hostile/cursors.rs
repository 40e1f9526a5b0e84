//! Cursors of the other tenant, and cursors taken apart and put together anew.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::World;
use crate::every_fleet;
use crate::support::{Answer, TestApp, tokens};

/// Format, list, tenant, row: what a cursor is made of, as whoever decodes one can see.
const TENANT: std::ops::Range<usize> = 2..18;
const ROW: std::ops::Range<usize> = 18..34;

fn decoded(cursor: &str) -> Vec<u8> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).expect("a cursor can be decoded");
    assert_eq!(bytes.len(), ROW.end, "the cursor has another form: forge it in another way");
    bytes
}

fn with(cursor: &[u8], range: std::ops::Range<usize>, bytes: &[u8]) -> String {
    let mut forged = cursor.to_vec();
    forged.splice(range, bytes.iter().copied());
    URL_SAFE_NO_PAD.encode(forged)
}

fn bytes_of(id: &str) -> [u8; 16] {
    *id.parse::<Uuid>().expect("an id").as_bytes()
}

impl World {
    async fn cursor_of(&self, token: &str, list: &str) -> String {
        let answer = self.app.get(&format!("{list}?limit=1")).bearer(token).send().await.expect(200);
        answer.json()["next_cursor"].as_str().expect("more than one row").to_owned()
    }

    async fn after(&self, list: &str, cursor: &str) -> Answer {
        let call = self.app.get(list).query(&[("cursor", cursor), ("limit", "100")]).bearer(&self.admin());
        self.attack(call, &format!("{list} after {cursor:?}")).await
    }
}

every_fleet! {
    async fn a_cursor_holds_in_its_own_list_of_its_own_tenant_only(app: TestApp) {
        let world = World::new(app).await;
        let victim = world.globex.tenant.token("admin");
        let posts_of = |user: &str| format!("/v1/users/{user}/posts");
        let lists = ["/v1/users".to_owned(), "/v1/posts".to_owned(), posts_of(&world.acme.users[0].id)];
        let mut foreign = Vec::new();
        for list in ["/v1/users", "/v1/posts", &posts_of(&world.globex.users[0].id)] {
            foreign.push(world.cursor_of(&victim, list).await);
        }
        foreign.push(world.cursor_of(&tokens::platform(), "/admin/v1/tenants").await);
        foreign.push(world.cursor_of(&tokens::platform(), "/admin/v1/audit").await);
        for list in &lists {
            let garbage = world.after(list, "garbage").await.refused(400, "malformed");
            for cursor in &foreign {
                assert_eq!(world.after(list, cursor).await.essence(), garbage.essence(), "{list}, {cursor}");
            }
        }
        let users = world.cursor_of(&world.admin(), "/v1/users").await;
        world.after("/v1/posts", &users).await.refused(400, "malformed");
        world.victim_is_untouched().await;
    }

    /// With one's own tenant put into a foreign cursor it is a place in one's own list, and does not even tell whether
    /// the row is there.
    async fn a_forged_cursor_is_a_place_in_ones_own_list(app: TestApp) {
        let world = World::new(app).await;
        let own = decoded(&world.cursor_of(&world.admin(), "/v1/posts").await);
        let foreign = decoded(&world.cursor_of(&world.globex.tenant.token("admin"), "/v1/posts").await);
        let moved = with(&foreign, TENANT, &bytes_of(&world.acme.tenant.id));
        let row = Uuid::from_slice(&foreign[ROW]).expect("an id").as_u128();
        let there = world.after("/v1/posts", &moved).await.expect(200);
        for neighbour in [row - 1, row + 1] {
            let cursor = with(&own, ROW, Uuid::from_u128(neighbour).as_bytes());
            assert_eq!(world.after("/v1/posts", &cursor).await.expect(200).essence(), there.essence());
        }
        for (id, rows) in [(Uuid::max(), world.acme.posts.len()), (Uuid::nil(), 0)] {
            let answer = world.after("/v1/posts", &with(&own, ROW, id.as_bytes())).await.expect(200);
            assert_eq!(answer.data().len(), rows, "{id}");
        }
        for tenant in [&bytes_of(&world.globex.tenant.id)[..], &[0; 16], &[255; 16]] {
            world.after("/v1/posts", &with(&own, TENANT, tenant)).await.refused(400, "malformed");
        }
        for byte in 0..=255 {
            let formats = (with(&own, 0..1, &[byte]), with(&own, 1..2, &[byte]));
            for (cursor, position) in [(formats.0, 0), (formats.1, 1)] {
                let status = world.after("/v1/posts", &cursor).await.status;
                assert_eq!(status == 200, byte == own[position], "byte {position} as {byte}");
            }
        }
        world.victim_is_untouched().await;
    }

    async fn what_is_no_cursor_is_malformed(app: TestApp) {
        let world = World::new(app).await;
        let own = world.cursor_of(&world.admin(), "/v1/posts").await;
        let bytes = decoded(&own);
        let (long, padded) = (own.repeat(100), format!("{own}="));
        let (shorter, longer) = (with(&bytes, 33..34, &[]), with(&bytes, 34..34, &[0]));
        for cursor in [
            "",
            " ",
            "=",
            "null",
            "0",
            "' OR 1=1 --",
            "\u{0}",
            "é",
            "../../etc/passwd",
            "{\"id\": 1}",
            &long,
            &padded,
            &shorter,
            &longer,
            &STANDARD.encode([255; 34]),
            &bytes_of(&world.globex.posts[0].id).map(|byte| byte.to_string()).concat(),
            &world.globex.posts[0].id,
            &own[1..],
            &own.to_lowercase(),
        ] {
            world.after("/v1/posts", cursor).await.is((400, "malformed"), cursor);
        }
        let both = world.app.get(&format!("/v1/posts?cursor={own}&cursor={own}")).bearer(&world.admin());
        world.attack(both, "two cursors").await.expect(422);
        world.victim_is_untouched().await;
    }
}
