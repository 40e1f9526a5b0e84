//! Rules for values, and the words in which a broken one is reported.

use std::borrow::Cow;

use validator::{Validate, ValidationError, ValidationErrors};

use super::problem::FieldError;
use crate::error::Error;

/// Longest message that repeats a part of what the client sent.
const LONGEST_MESSAGE: usize = 200;

/// Text of one line that people read: something other than space, and no NUL.
pub fn not_blank(text: &str) -> Result<(), ValidationError> {
    if text.trim().is_empty() {
        return Err(broken("blank", "must not be blank"));
    }
    no_nul(text)
}

/// Text that the database can hold: PostgreSQL refuses NUL.
pub fn no_nul(text: &str) -> Result<(), ValidationError> {
    if text.contains('\0') {
        return Err(broken("nul", "must not hold a NUL character"));
    }
    Ok(())
}

/// A broken rule with the words that the client reads.
pub fn broken(code: &'static str, message: &'static str) -> ValidationError {
    ValidationError::new(code).with_message(Cow::Borrowed(message))
}

/// Lets a value pass that obeys all of its own rules; else 422 with every one that it breaks.
pub(super) fn obeyed_by(value: &impl Validate) -> Result<(), Error> {
    value.validate().map_err(|errors| Error::Validation(in_words(&errors)))
}

fn in_words(errors: &ValidationErrors) -> Vec<FieldError> {
    let mut broken: Vec<FieldError> = errors
        .field_errors()
        .into_iter()
        .flat_map(|(field, errors)| errors.iter().map(move |error| in_word(&field, error)))
        .collect();
    broken.sort_by(|a, b| a.field.cmp(&b.field));
    broken
}

fn in_word(field: &str, error: &ValidationError) -> FieldError {
    let message = error.message.as_deref().unwrap_or("is not valid");
    FieldError { field: field.to_owned(), message: message.to_owned() }
}

/// Puts serde's complaint in words: `path` is where it stopped reading, which is not always the field it means.
pub(super) fn broken_by(path: &str, complaint: &str) -> FieldError {
    let short =
        [("missing field", "is required"), ("unknown field", "is not known"), ("duplicate field", "is repeated")];
    for (kind, message) in short {
        if let Some(field) = quoted_after(kind, complaint) {
            return FieldError { field: within(path, field), message: message.to_owned() };
        }
    }
    let field = if matches!(path, "" | ".") { "body" } else { path };
    FieldError { field: field.to_owned(), message: in_plain_words(complaint) }
}

fn quoted_after<'a>(kind: &str, complaint: &'a str) -> Option<&'a str> {
    let rest = complaint.strip_prefix(kind)?.strip_prefix(" `")?;
    rest.split_once("`, expected").or_else(|| rest.split_once('`')).map(|(field, _)| field)
}

/// The field's full name, where it is nested in another.
fn within(path: &str, field: &str) -> String {
    match path {
        "" | "." => field.to_owned(),
        path if path == field || path.ends_with(&format!(".{field}")) => path.to_owned(),
        path => format!("{path}.{field}"),
    }
}

fn in_plain_words(complaint: &str) -> String {
    let text = complaint.rsplit_once(" at line ").map_or(complaint, |(text, _)| text);
    if let Some((_, known)) = text.strip_prefix("unknown variant").and_then(|rest| rest.split_once(", expected ")) {
        return format!("must be {known}");
    }
    // What is said of an enum's value that is not text; that the body is JSON is known by then.
    if text.starts_with("expected value") {
        return "has the wrong type".to_owned();
    }
    // What the standard library says of a number in a query.
    if ["found in string", "parse integer", "too large to fit"].iter().any(|part| text.contains(part)) {
        return "must be a whole number".to_owned();
    }
    text.chars().take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_named_by_the_field_it_means() {
        let field = |path, complaint| broken_by(path, complaint).field;
        assert_eq!(field(".", "missing field `name` at line 1 column 2"), "name");
        assert_eq!(field("limits", "missing field `users`"), "limits.users");
        assert_eq!(field("a`b", "unknown field `a`b`, expected `name`"), "a`b");
        assert_eq!(field("limits.x", "unknown field `x`, expected one of `users`, `posts`"), "limits.x");
        assert_eq!(field(".", "invalid type: sequence, expected struct"), "body");
    }

    #[test]
    fn a_message_is_short_and_has_no_position() {
        let message = |complaint: &str| broken_by("role", complaint).message;
        assert_eq!(
            message("invalid type: null, expected a string at line 1 column 9"),
            "invalid type: null, expected a string"
        );
        assert_eq!(
            message("unknown variant `boss`, expected one of `viewer`, `member`"),
            "must be one of `viewer`, `member`"
        );
        assert_eq!(message("invalid digit found in string"), "must be a whole number");
        assert_eq!(message(&"x".repeat(5000)).len(), LONGEST_MESSAGE);
    }
}
