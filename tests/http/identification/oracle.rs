//! What the table in the documentation, "the order of refusals", says about a request. Written from that table, not
//! from the code under test.

use std::collections::BTreeSet;

/// The state of the tenant that a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Active,
    Suspended,
    Deleted,
    Missing,
    Provisioning,
    OldTables,
}

/// What a source says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Slug,
    Id,
    Domain,
}

/// Whom it says it of: the tenant that the case is about, or another one, which is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    Subject,
    Other,
}

/// A name that a request gives, by any source.
pub(crate) type Name = (Word, Whom);

/// The token of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    None,
    Garbage,
    Platform,
    Member(Name),
}

/// The status, and the code of a refusal, for a request that reads.
pub(crate) fn expected(token: Token, sources: &[Name], state: State) -> (u16, &'static str) {
    let mut named: BTreeSet<String> = sources.iter().filter_map(|name| identity(*name, state)).collect();
    match token {
        Token::None | Token::Garbage => return (401, "unauthenticated"),
        Token::Platform => {}
        Token::Member(name) => named.extend(identity(name, state)),
    }
    let mut named = named.into_iter();
    match (named.next(), named.next()) {
        (Some(_), Some(_)) => (403, "tenant_mismatch"),
        (None, _) => (400, "tenant_unidentified"),
        (Some(tenant), None) if tenant == OTHER => (200, ""),
        (Some(_), None) => of_state(state),
    }
}

const OTHER: &str = "the other tenant";

/// Whom a name means. Two names of one tenant mean the same, if there is such a tenant to bring them together; a host
/// that nobody has registered names nobody.
fn identity((word, whom): Name, state: State) -> Option<String> {
    match (whom, state, word) {
        (Whom::Other, ..) => Some(OTHER.to_owned()),
        (Whom::Subject, State::Missing, Word::Domain) => None,
        (Whom::Subject, State::Missing, word) => Some(format!("nobody, by {word:?}")),
        (Whom::Subject, ..) => Some("the subject".to_owned()),
    }
}

fn of_state(state: State) -> (u16, &'static str) {
    match state {
        State::Active => (200, ""),
        State::Missing | State::Deleted => (404, "tenant_not_found"),
        State::Suspended => (403, "tenant_suspended"),
        State::Provisioning | State::OldTables => (503, "tenant_not_ready"),
    }
}
