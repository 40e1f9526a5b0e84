//! What a user looks like in answers, and what is sent to make and to change one.

use chrono::{DateTime, Utc};
use entity::{NewUser, Post, Role, User, UserChanges};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use crate::http::body::given;
use crate::http::rules;
use crate::http::time::micros;
use crate::openapi::words;
use crate::posts::views::PostView;

/// A member of a tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    id: Uuid,
    tenant_id: Uuid,
    /// Shown name.
    #[schema(example = "Ada Lovelace")]
    name: String,
    /// Address, unique in the tenant without regard to case.
    #[schema(format = "email", example = "ada@acme.example")]
    email: String,
    /// What the member may do.
    #[schema(schema_with = words::role)]
    role: Role,
    #[serde(serialize_with = "micros")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "micros")]
    updated_at: DateTime<Utc>,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            tenant_id: user.tenant_id,
            name: user.name,
            email: user.email,
            role: user.role,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// A member as it stands in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ListedUser)]
pub struct ListedUserView {
    #[serde(flatten)]
    user: UserView,
    /// With `include=posts`: the newest posts of the user, at most 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    posts: Option<Vec<PostView>>,
}

impl From<User> for ListedUserView {
    fn from(user: User) -> Self {
        Self { user: user.into(), posts: None }
    }
}

impl From<(User, Vec<Post>)> for ListedUserView {
    fn from((user, posts): (User, Vec<Post>)) -> Self {
        Self { user: user.into(), posts: Some(posts.into_iter().map(PostView::from).collect()) }
    }
}

/// What a list of users brings along.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Included {
    /// `posts` brings the newest posts of each user, at most 20.
    #[param(inline)]
    pub(super) include: Option<Include>,
}

/// Rows that belong to a user.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Include {
    /// What the user wrote.
    Posts,
}

/// A user to make.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUser)]
pub struct UserDraft {
    /// The caller's own tenant, if it is given at all.
    tenant_id: Option<Uuid>,
    /// Shown name.
    #[validate(length(max = 100, message = "must be at most 100 characters"), custom(function = "rules::not_blank"))]
    #[schema(max_length = 100, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$", example = "Ada Lovelace")]
    name: String,
    /// Address, unique in the tenant without regard to case.
    #[validate(
        length(max = 255, message = "must be at most 255 characters"),
        email(message = "must be an email address")
    )]
    #[schema(format = "email", max_length = 255, example = "ada@acme.example")]
    email: String,
    /// What the member may do.
    #[serde(default = "member")]
    #[schema(schema_with = words::role, default = "member")]
    role: Role,
}

fn member() -> Role {
    Role::Member
}

impl From<UserDraft> for NewUser {
    fn from(draft: UserDraft) -> Self {
        Self {
            tenant_id: draft.tenant_id,
            id: None,
            name: draft.name,
            email: draft.email,
            role: draft.role,
            created_at: None,
        }
    }
}

/// What to change of a user; whatever is absent stays.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserChanges)]
pub struct UserPatch {
    /// The caller's own tenant, if it is given at all: a user cannot move.
    #[serde(default, deserialize_with = "given", rename = "tenant_id")]
    #[schema(nullable = false)]
    _tenant_id: Option<Uuid>,
    /// Shown name.
    #[serde(default, deserialize_with = "given")]
    #[validate(length(max = 100, message = "must be at most 100 characters"), custom(function = "rules::not_blank"))]
    #[schema(
        nullable = false,
        max_length = 100,
        pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$",
        example = "Ada King"
    )]
    name: Option<String>,
    /// Address, unique in the tenant without regard to case.
    #[serde(default, deserialize_with = "given")]
    #[validate(
        length(max = 255, message = "must be at most 255 characters"),
        email(message = "must be an email address")
    )]
    #[schema(nullable = false, format = "email", max_length = 255, example = "ada@acme.example")]
    email: Option<String>,
    /// What the member may do.
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = words::role)]
    role: Option<Role>,
}

impl From<UserPatch> for UserChanges {
    fn from(patch: UserPatch) -> Self {
        Self { name: patch.name, email: patch.email, role: patch.role }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_user_is_a_member_unless_told_otherwise() {
        let draft: UserDraft = serde_json::from_str(r#"{"name": "Ada", "email": "ada@acme.example"}"#).unwrap();
        assert!(draft.validate().is_ok());
        assert_eq!(NewUser::from(draft).role, Role::Member);
    }

    #[test]
    fn lengths_count_characters() {
        let draft = |name: &str| UserDraft {
            tenant_id: None,
            name: name.to_owned(),
            email: "ada@acme.example".to_owned(),
            role: Role::Member,
        };
        assert!(draft(&"é".repeat(100)).validate().is_ok());
        assert!(draft(&"é".repeat(101)).validate().is_err());
        assert!(draft(" \u{a0} ").validate().is_err());
    }

    #[test]
    fn a_change_is_a_value_or_absent() {
        let patch = |text: &str| serde_json::from_str::<UserPatch>(text);
        assert_eq!(UserChanges::from(patch("{}").unwrap()), UserChanges::default());
        assert_eq!(UserChanges::from(patch(r#"{"role": "admin"}"#).unwrap()).role, Some(Role::Admin));
        assert!(patch(r#"{"name": null}"#).is_err());
        assert!(patch(r#"{"version": 2}"#).is_err());
    }
}
