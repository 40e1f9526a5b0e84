//! Every source alone and every two of them, naming the same tenant or two, with every kind of token, for a tenant in
//! every state.

use serde_json::json;

use super::oracle::{Name, State, Token, Whom, Word, expected};
use crate::mixed_fleet;
use crate::support::{Call, Housing, TestApp, tokens};

/// A place in a request that names a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Host,
    Header,
    Path,
}

const SOURCES: [(Place, Word); 6] = [
    // Below the base domain.
    (Place::Host, Word::Slug),
    (Place::Host, Word::Domain),
    (Place::Header, Word::Slug),
    (Place::Header, Word::Id),
    (Place::Path, Word::Slug),
    (Place::Path, Word::Id),
];

const STATES: [State; 6] =
    [State::Active, State::Suspended, State::Deleted, State::Missing, State::Provisioning, State::OldTables];

const TOKENS: [Token; 7] = [
    Token::None,
    Token::Garbage,
    Token::Platform,
    Token::Member((Word::Slug, Whom::Subject)),
    Token::Member((Word::Id, Whom::Subject)),
    Token::Member((Word::Slug, Whom::Other)),
    Token::Member((Word::Id, Whom::Other)),
];

/// One source, saying something of somebody.
type Said = (Place, Name);

/// Nothing said, every source alone, and every two that fit into one request.
fn everything_said() -> Vec<Vec<Said>> {
    let both = [Whom::Subject, Whom::Other];
    let single: Vec<Said> = SOURCES.iter().flat_map(|(place, word)| both.map(|whom| (*place, (*word, whom)))).collect();
    // A request has one host and one path, but any number of headers.
    let fit = |a: &Said, b: &Said| a.0 != b.0 || a.0 == Place::Header;
    let pairs = single.iter().enumerate().flat_map(|(index, a)| {
        single[index + 1..].iter().filter(|b| fit(a, b)).map(|b| vec![*a, *b]).collect::<Vec<_>>()
    });
    let alone = single.iter().map(|said| vec![*said]);
    std::iter::once(Vec::new()).chain(alone).chain(pairs).collect()
}

/// The names of the tenant that a case is about, and of the other one.
struct World {
    subject: Names,
    other: Names,
}

struct Names {
    slug: String,
    id: String,
    domain: String,
}

impl World {
    fn text(&self, (word, whom): Name) -> &str {
        let names = if whom == Whom::Subject { &self.subject } else { &self.other };
        match word {
            Word::Slug => &names.slug,
            Word::Id => &names.id,
            Word::Domain => &names.domain,
        }
    }

    fn call(&self, app: &TestApp, token: Token, said: &[Said]) -> Call {
        let path = said.iter().find(|(place, _)| *place == Place::Path);
        let prefix = path.map(|(_, name)| format!("/t/{}", self.text(*name))).unwrap_or_default();
        let mut call = app.get(&format!("{prefix}/v1/users"));
        for (place, name) in said {
            call = match (place, name.0) {
                (Place::Host, Word::Slug) => call.header("host", format!("{}.example.com", self.text(*name))),
                (Place::Host, _) => call.header("host", self.text(*name)),
                (Place::Header, _) => call.header("x-tenant-id", self.text(*name)),
                (Place::Path, _) => call,
            };
        }
        match token {
            Token::None => call,
            Token::Garbage => call.bearer("garbage.with.dots"),
            Token::Platform => call.bearer(&tokens::platform()),
            Token::Member(name) => call.bearer(&tokens::member(self.text(name), "viewer", "somebody")),
        }
    }
}

/// A tenant, or for a missing one just the names that it would have.
async fn names(app: &TestApp, slug: &str, state: State) -> Names {
    let domain = format!("{slug}.test");
    if state == State::Missing {
        let id = "01935b2c-6a5e-7000-8000-000000000001".to_owned();
        return Names { slug: slug.to_owned(), id, domain };
    }
    let draft = json!({ "slug": slug, "name": slug, "domains": [domain] });
    let tenant = app.tenant_with(&draft).await;
    put_into(app, slug, state).await;
    Names { slug: tenant.slug, id: tenant.id, domain }
}

async fn put_into(app: &TestApp, slug: &str, state: State) {
    let tenant = format!("/admin/v1/tenants/{slug}");
    let operator = tokens::platform();
    match state {
        State::Active | State::Missing => {}
        State::Suspended => {
            app.post(&format!("{tenant}/suspend")).bearer(&operator).send().await.expect(200);
        }
        State::Deleted => {
            app.delete(&tenant).bearer(&operator).send().await.expect(204);
        }
        // No request leads there.
        State::Provisioning => {
            app.database.execute(&format!("UPDATE tenants SET status = 'provisioning' WHERE slug = '{slug}'")).await;
        }
        State::OldTables => {
            app.database.execute(&format!("UPDATE tenants SET schema_version = 1 WHERE slug = '{slug}'")).await;
        }
    }
}

mixed_fleet! {
    async fn every_request_is_admitted_or_refused_as_documented(housing: Housing) {
        let app = TestApp::with(housing, &[("BASE_DOMAIN", "example.com")]).await;
        let mut wrong = Vec::new();
        let mut cases = 0;
        for (number, state) in STATES.into_iter().enumerate() {
            let subject = names(&app, &format!("subject-{number}"), state).await;
            let other = names(&app, &format!("other-{number}"), State::Active).await;
            let world = World { subject, other };
            for said in everything_said() {
                let sources: Vec<Name> = said.iter().map(|(_, name)| *name).collect();
                for token in TOKENS {
                    let answer = world.call(&app, token, &said).send().await;
                    let (got, due) = ((answer.status, answer.code()), expected(token, &sources, state));
                    if (got.0, got.1.as_str()) != due {
                        wrong.push(format!("{state:?} {token:?} {said:?}: {got:?} instead of {due:?}"));
                    }
                    assert_eq!(answer.headers.contains_key("www-authenticate"), due.0 == 401, "{answer:?}");
                    assert_eq!(answer.headers.contains_key("retry-after"), due.0 == 503, "{answer:?}");
                    cases += 1;
                }
            }
        }
        assert!(wrong.is_empty(), "{} of {cases} cases:\n{}", wrong.len(), wrong.join("\n"));
        assert!(cases > 2000, "the table has shrunk to {cases} cases");
    }
}
