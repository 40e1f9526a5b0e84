//! What several of these tests look for in answers, and requests sent all at once.

use tokio::task::JoinSet;

use crate::support::{Answer, Call};

impl Answer {
    /// The fields that a 422 names, in its order. Fails for any other answer.
    #[track_caller]
    pub(crate) fn wrong_fields(&self) -> Vec<String> {
        let problem = self.clone().refused(422, "validation_failed").json();
        let errors = problem["errors"].as_array().expect("errors").iter();
        let field = |error: &serde_json::Value| {
            assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
            error["field"].as_str().expect("a field").to_owned()
        };
        errors.map(field).collect()
    }

    /// One member of each row of a list: `column("id")`.
    #[track_caller]
    pub(crate) fn column(&self, name: &str) -> Vec<String> {
        self.data().iter().map(|row| row[name].as_str().expect(name).to_owned()).collect()
    }
}

/// Sends them all at the same time; answers come in any order.
pub(crate) async fn at_once(calls: impl IntoIterator<Item = Call>) -> Vec<Answer> {
    let running: JoinSet<Answer> = calls.into_iter().map(Call::send).collect();
    running.join_all().await
}

/// How many of the answers have this status.
pub(crate) fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// Fails unless the text is a time in UTC with microseconds: `2026-01-01T00:00:00.000000Z`.
#[track_caller]
pub(crate) fn is_time(value: &serde_json::Value) {
    let text = value.as_str().expect("a time is text");
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000000Z", "{text}");
}

/// Fails unless the text is a UUIDv7.
#[track_caller]
pub(crate) fn is_id(value: &serde_json::Value) {
    let id: uuid::Uuid = value.as_str().expect("an id is text").parse().expect("a UUID");
    assert_eq!(id.get_version_num(), 7, "{id}");
}
