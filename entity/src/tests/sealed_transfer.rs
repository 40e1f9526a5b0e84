//! Exports and imports of tenants with sealed contents.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::encryption::{KEY, OTHER};
use super::moving::Scene;
use super::process::Process;
use super::rotation::{sealing, with};
use super::transfer::{exported_with, imported, inhabited, to};
use crate::encryption::plain_rows;
use crate::entities::tenant;
use crate::vocabulary::{Contents, Isolation};
use crate::{Error, Filter};

/// What every post of the tenant says.
async fn contents(process: &Process, tenant: &tenant::Model) -> BTreeMap<Uuid, Option<String>> {
    let access = process.database.access(tenant.clone()).unwrap();
    let (mut contents, mut after) = (BTreeMap::new(), None);
    loop {
        let slice = access.posts().list(Filter::all()).slice(after, 500).await.unwrap();
        contents.extend(slice.rows.into_iter().map(|post| (post.id, post.content)));
        after = slice.next;
        if after.is_none() {
            return contents;
        }
    }
}

async fn plain(process: &Process, tenant: &tenant::Model) -> u64 {
    plain_rows(tenant.id, &process.database.place_of(tenant).unwrap()).await.unwrap()
}

fn holds(lines: &[u8], text: &str) -> bool {
    lines.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Into the same installation (under another id, then), into another with the same master key, and from there on as plain.
#[test]
fn sealed_lines_are_sealed_anew_wherever_the_master_key_is() {
    let (here, there) = (Scene::postgres(), Scene::sqlite());
    let (postgres, sqlite) = (Process::start(&sealing(&here)), Process::start(&sealing(&there)));
    let tenant = postgres.run(inhabited(&postgres, "acme", Isolation::Schema));
    let expected = postgres.run(contents(&postgres, &tenant));
    let lines = postgres.run(exported_with(&postgres, &tenant, Contents::Sealed));
    assert!(
        holds(&lines, "\"contents\":\"sealed\"") && holds(&lines, "\"data_keys\":[{") && holds(&lines, "sealed:1:1:")
    );
    assert!(!holds(&lines, "quoted"), "the contents are in it");
    for (process, slug, keeps_its_id) in [(&sqlite, "acme-there", true), (&postgres, "acme-here", false)] {
        process.run(async {
            let made = imported(process, &lines, to(slug, Some(Isolation::Shared))).await.unwrap();
            assert_eq!(made.id == tenant.id, keeps_its_id);
            assert!(contents(process, &made).await == expected, "{slug}");
            assert_eq!(plain(process, &made).await, 0);
        });
    }
    let lines = postgres.run(exported_with(&postgres, &tenant, Contents::Plain));
    assert!(holds(&lines, "\"contents\":\"plain\"") && holds(&lines, "quoted") && !holds(&lines, "sealed:1:"));
    let bare = Process::start(&there.settings);
    bare.run(async {
        let made = imported(&bare, &lines, to("acme-bare", Some(Isolation::Database))).await.unwrap();
        assert!(contents(&bare, &made).await == expected);
        assert_eq!(plain(&bare, &made).await, expected.values().flatten().count() as u64);
    });
}

/// A text that does not open is carried by nobody as something else.
#[test]
fn a_damaged_text_is_named_by_an_import_and_breaks_a_plain_export_off() {
    let scene = Scene::sqlite();
    let process = Process::start(&sealing(&scene));
    process.run(async {
        let tenant = inhabited(&process, "acme", Isolation::Shared).await;
        let place = process.database.place_of(&tenant).unwrap();
        let mut lease =
            crate::rows::Rows::new(tenant.id, &place).begin(crate::connection::Access::Write).await.unwrap();
        lease.run("UPDATE posts SET content = 'sealed:1:1:AAAA' WHERE title = '{\"sum\":\"7\"}'").await.unwrap();
        lease.commit().await.unwrap();
        let lines = exported_with(&process, &tenant, Contents::Sealed).await;
        let damaged = lines.split(|byte| *byte == b'\n').position(|line| holds(line, "sealed:1:1:AAAA")).unwrap();
        let refused = imported(&process, &lines, to("copy", None)).await;
        let Err(Error::BadImport { line, why }) = refused else { panic!("{refused:?}") };
        assert_eq!((line, why.as_str()), (damaged as u64 + 1, "has a sealed content that does not open"));
        let mut export = process.platform().tenant_export(&tenant, Contents::Plain).await.unwrap();
        let outcome = loop {
            match export.next().await {
                Ok(Some(_)) => {}
                ended => break ended,
            }
        };
        assert!(matches!(outcome, Err(Error::Internal(_))), "{outcome:?}");
    });
}

#[test]
fn sealed_lines_are_refused_where_they_cannot_be_opened() {
    let (here, there) = (Scene::sqlite(), Scene::sqlite());
    let process = Process::start(&sealing(&here));
    let tenant = process.run(inhabited(&process, "acme", Isolation::Shared));
    let expected = process.run(contents(&process, &tenant));
    let lines = process.run(exported_with(&process, &tenant, Contents::Sealed));
    for variables in [&[][..], &[("ENCRYPTION_MASTER_KEY", OTHER)]] {
        let other = Process::start(&with(&there, variables));
        other.run(async {
            let refused = imported(&other, &lines, to("acme", None)).await;
            assert!(matches!(&refused, Err(Error::BadImport { line: 1, .. })), "{refused:?}");
            let all = other.platform().tenant_list(Default::default(), None, 10).await.unwrap();
            assert!(all.rows.is_empty(), "something is left");
        });
    }
    let previous = [("ENCRYPTION_MASTER_KEY", OTHER), ("ENCRYPTION_PREVIOUS_MASTER_KEYS", KEY)];
    let knows = Process::start(&with(&there, &previous));
    knows.run(async {
        let made = imported(&knows, &lines, to("acme", None)).await.unwrap();
        assert!(contents(&knows, &made).await == expected);
    });
}
