//! What a post looks like in answers, and what is sent to make and to change one.

use chrono::{DateTime, Utc};
use entity::{NewPost, Post, PostChanges};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::{Validate, ValidationError};

use crate::http::body::given;
use crate::http::rules;
use crate::http::time::micros;

/// Largest content, in bytes of UTF-8.
const LARGEST_CONTENT: usize = 1024 * 1024;

/// What a user wrote.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Post)]
pub struct PostView {
    id: Uuid,
    tenant_id: Uuid,
    /// Who wrote it.
    user_id: Uuid,
    /// Headline.
    #[schema(example = "On the Analytical Engine")]
    title: String,
    /// Text, if it has one.
    #[schema(required, example = "It weaves algebraical patterns.")]
    content: Option<String>,
    #[serde(serialize_with = "micros")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "micros")]
    updated_at: DateTime<Utc>,
}

impl From<Post> for PostView {
    fn from(post: Post) -> Self {
        Self {
            id: post.id,
            tenant_id: post.tenant_id,
            user_id: post.user_id,
            title: post.title,
            content: post.content,
            created_at: post.created_at,
            updated_at: post.updated_at,
        }
    }
}

/// A post to make.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPost)]
pub struct PostDraft {
    /// The caller's own tenant, if it is given at all.
    tenant_id: Option<Uuid>,
    /// Who writes it: a user of the tenant; the token's `sub` if absent.
    pub(super) user_id: Option<Uuid>,
    /// Headline.
    #[validate(length(max = 255, message = "must be at most 255 characters"), custom(function = "rules::not_blank"))]
    #[schema(
        max_length = 255,
        pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$",
        example = "On the Analytical Engine"
    )]
    title: String,
    /// Text, at most 1 MiB of UTF-8.
    #[validate(custom(function = "fits"))]
    #[schema(pattern = "^[^\\u0000]*$", example = "It weaves algebraical patterns.")]
    content: Option<String>,
}

impl PostDraft {
    /// The post, once it is known who writes it.
    pub(super) fn written_by(self, user_id: Uuid) -> NewPost {
        NewPost {
            tenant_id: self.tenant_id,
            id: None,
            user_id,
            title: self.title,
            content: self.content,
            created_at: None,
        }
    }
}

/// What to change of a post; whatever is absent stays.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PostChanges)]
pub struct PostPatch {
    /// The caller's own tenant, if it is given at all: a post cannot move.
    #[serde(default, deserialize_with = "given", rename = "tenant_id")]
    #[schema(nullable = false)]
    _tenant_id: Option<Uuid>,
    /// Who wrote it: a user of the tenant.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub(super) user_id: Option<Uuid>,
    /// Headline.
    #[serde(default, deserialize_with = "given")]
    #[validate(length(max = 255, message = "must be at most 255 characters"), custom(function = "rules::not_blank"))]
    #[schema(
        nullable = false,
        max_length = 255,
        pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$",
        example = "On the Analytical Engine"
    )]
    title: Option<String>,
    /// Text, at most 1 MiB of UTF-8; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[validate(custom(function = "fits"))]
    #[schema(value_type = Option<String>, pattern = "^[^\\u0000]*$", example = "It weaves algebraical patterns.")]
    content: Option<Option<String>>,
}

impl From<PostPatch> for PostChanges {
    fn from(patch: PostPatch) -> Self {
        Self { user_id: patch.user_id, title: patch.title, content: patch.content }
    }
}

fn fits(content: &str) -> Result<(), ValidationError> {
    if content.len() > LARGEST_CONTENT {
        return Err(rules::broken("length", "must be at most 1 MiB"));
    }
    rules::no_nul(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_tells_taking_away_from_leaving() {
        let patch = |text: &str| PostChanges::from(serde_json::from_str::<PostPatch>(text).unwrap());
        assert_eq!(patch("{}"), PostChanges::default());
        assert_eq!(patch(r#"{"content": null}"#).content, Some(None));
        assert_eq!(patch(r#"{"content": "x"}"#).content, Some(Some("x".to_owned())));
        assert!(serde_json::from_str::<PostPatch>(r#"{"title": null}"#).is_err());
    }

    #[test]
    fn content_is_measured_in_bytes() {
        assert!(fits(&"x".repeat(LARGEST_CONTENT)).is_ok());
        assert!(fits(&"é".repeat(LARGEST_CONTENT / 2 + 1)).is_err());
        assert!(fits("a\0b").is_err());
    }
}
