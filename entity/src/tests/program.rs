//! Random programs: operations of several tenants on small pools of ids and texts, so that they collide.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// How many tenants take part.
pub(super) const TENANTS: u8 = 3;
/// How many ids there are, of users and of posts, the same for every tenant.
pub(super) const IDS: u8 = 5;

#[derive(Clone, Copy, Debug)]
pub(super) enum Cmp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// A condition, to be made a filter and to be evaluated by the model.
#[derive(Clone, Debug)]
pub(super) enum F {
    All,
    And(Box<F>, Box<F>),
    Or(Box<F>, Box<F>),
    Not(Box<F>),
    Id(Cmp, u8),
    IdIn(Vec<u8>),
    /// The tenant's column, compared with a tenant of the program: hostile when it is another.
    Tenant(Cmp, u8),
    Version(Cmp, i64),
    /// A text column equals, or differs from, a text.
    Text(u8, bool, String),
    Contains(u8, String),
    Null(u8),
}

#[derive(Clone, Debug)]
pub(super) struct UserValues {
    pub(super) claimed: Option<u8>,
    pub(super) id: u8,
    pub(super) name: String,
    pub(super) email: String,
}

#[derive(Clone, Debug)]
pub(super) struct PostValues {
    pub(super) claimed: Option<u8>,
    pub(super) id: u8,
    pub(super) user: u8,
    pub(super) title: String,
    pub(super) content: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum Op {
    Users(UserOp),
    Posts(PostOp),
    /// A user's newest posts, at most so many of each.
    WithPosts(F, u64),
    /// On the tenant's own row.
    Tenant(TenantOp),
    /// Several in one transaction, which is then kept or undone.
    Together(Vec<Op>, bool),
}

/// What can be done with the tenant's own row, by a tenant's id.
#[derive(Clone, Debug)]
pub(super) enum TenantOp {
    Get(u8),
    List,
    Rename(u8, String),
}

/// What every resource can do.
#[derive(Clone, Debug)]
pub(super) enum Read {
    Get(u8),
    Find(F),
    Slices(F, u64, bool),
    Page(F, u64, u64),
    PageBy(F, u64),
    Count(F),
    Exists(F),
    Delete(u8, F),
    DeleteMany(F),
}

#[derive(Clone, Debug)]
pub(super) enum UserOp {
    Common(Read),
    Insert(UserValues),
    InsertMany(Vec<UserValues>),
    InsertIfAbsent(UserValues),
    Upsert(UserValues),
    Update(u8, F, Option<String>, Option<String>),
    UpdateMany(F, Option<String>, Option<String>),
}

#[derive(Clone, Debug)]
pub(super) enum PostOp {
    Common(Read),
    Insert(PostValues),
    InsertMany(Vec<PostValues>),
    InsertIfAbsent(PostValues),
    Upsert(PostValues),
    Update(u8, F, Option<String>, Option<Option<String>>, Option<u8>),
    UpdateMany(F, Option<String>, Option<Option<String>>),
}

/// A program: who does what, in order.
pub(super) fn program() -> impl Strategy<Value = Vec<(u8, Op)>> {
    vec((0..TENANTS, op()), 1..25)
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![8 => single(), 1 => tenant_op().prop_map(Op::Tenant), 1 => (vec(single(), 1..5), any::<bool>()).prop_map(|(ops, kept)| Op::Together(ops, kept))]
}

fn single() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => user_op().prop_map(Op::Users),
        6 => post_op().prop_map(Op::Posts),
        1 => (filter(), 1..4_u64).prop_map(|(filter, most)| Op::WithPosts(filter, most)),
    ]
}

fn tenant_op() -> impl Strategy<Value = TenantOp> {
    prop_oneof![
        (0..TENANTS).prop_map(TenantOp::Get),
        Just(TenantOp::List),
        (0..TENANTS, text()).prop_map(|(tenant, name)| TenantOp::Rename(tenant, name)),
    ]
}

fn read() -> impl Strategy<Value = Read> {
    prop_oneof![
        id().prop_map(Read::Get),
        filter().prop_map(Read::Find),
        (filter(), 1..4_u64, any::<bool>()).prop_map(|(filter, limit, oldest)| Read::Slices(filter, limit, oldest)),
        (filter(), 1..4_u64, 1..4_u64).prop_map(|(filter, number, limit)| Read::Page(filter, number, limit)),
        (filter(), 1..4_u64).prop_map(|(filter, number)| Read::PageBy(filter, number)),
        filter().prop_map(Read::Count),
        filter().prop_map(Read::Exists),
        (id(), filter()).prop_map(|(id, also)| Read::Delete(id, also)),
        filter().prop_map(Read::DeleteMany),
    ]
}

fn user_op() -> impl Strategy<Value = UserOp> {
    prop_oneof![
        4 => read().prop_map(UserOp::Common),
        3 => user().prop_map(UserOp::Insert),
        1 => vec(user(), 0..4).prop_map(UserOp::InsertMany),
        1 => user().prop_map(UserOp::InsertIfAbsent),
        1 => user().prop_map(UserOp::Upsert),
        2 => (id(), filter(), option::of(text()), option::of(email()))
            .prop_map(|(id, also, name, email)| UserOp::Update(id, also, name, email)),
        1 => (filter(), option::of(text()), option::of(email()))
            .prop_map(|(filter, name, email)| UserOp::UpdateMany(filter, name, email)),
    ]
}

fn post_op() -> impl Strategy<Value = PostOp> {
    prop_oneof![
        4 => read().prop_map(PostOp::Common),
        3 => post().prop_map(PostOp::Insert),
        1 => vec(post(), 0..4).prop_map(PostOp::InsertMany),
        1 => post().prop_map(PostOp::InsertIfAbsent),
        1 => post().prop_map(PostOp::Upsert),
        2 => (id(), filter(), option::of(text()), option::of(option::of(text())), option::of(id()))
            .prop_map(|(id, also, title, content, user)| PostOp::Update(id, also, title, content, user)),
        1 => (filter(), option::of(text()), option::of(option::of(text())))
            .prop_map(|(filter, title, content)| PostOp::UpdateMany(filter, title, content)),
    ]
}

fn user() -> impl Strategy<Value = UserValues> {
    (claimed(), id(), text(), email()).prop_map(|(claimed, id, name, email)| UserValues { claimed, id, name, email })
}

fn post() -> impl Strategy<Value = PostValues> {
    (claimed(), id(), id(), text(), option::of(text())).prop_map(|(claimed, id, user, title, content)| PostValues {
        claimed,
        id,
        user,
        title,
        content,
    })
}

/// Mostly nothing is claimed: a foreign claim ends the operation.
fn claimed() -> impl Strategy<Value = Option<u8>> {
    option::weighted(0.2, 0..TENANTS)
}

fn filter() -> impl Strategy<Value = F> {
    let leaf = prop_oneof![
        2 => Just(F::All),
        2 => (cmp(), id()).prop_map(|(cmp, id)| F::Id(cmp, id)),
        1 => vec(id(), 0..3).prop_map(F::IdIn),
        2 => (cmp(), 0..TENANTS).prop_map(|(cmp, tenant)| F::Tenant(cmp, tenant)),
        1 => (cmp(), 0..4_i64).prop_map(|(cmp, version)| F::Version(cmp, version)),
        1 => (0..2_u8, any::<bool>(), text()).prop_map(|(column, equal, text)| F::Text(column, equal, text)),
        2 => (0..2_u8, needle()).prop_map(|(column, needle)| F::Contains(column, needle)),
        1 => (0..2_u8).prop_map(F::Null),
    ];
    leaf.prop_recursive(4, 12, 2, |inner| {
        prop_oneof![
            1 => (inner.clone(), inner.clone()).prop_map(|(left, right)| F::And(Box::new(left), Box::new(right))),
            2 => (inner.clone(), inner.clone()).prop_map(|(left, right)| F::Or(Box::new(left), Box::new(right))),
            1 => inner.prop_map(|inner| F::Not(Box::new(inner))),
        ]
    })
}

fn cmp() -> impl Strategy<Value = Cmp> {
    prop_oneof![Just(Cmp::Eq), Just(Cmp::Ne), Just(Cmp::Lt), Just(Cmp::Le), Just(Cmp::Gt), Just(Cmp::Ge)]
}

fn id() -> impl Strategy<Value = u8> {
    0..IDS
}

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["Ann", "ann", "b%b", "b_b", "bxb", "ÉTÉ", "été", "' OR 1=1 --", "a!b", "sealed:1:1:A"])
        .prop_map(str::to_owned)
}

fn email() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a@x.org", "A@X.org", "b@x.org", "c@x.org", "É@x.org"]).prop_map(str::to_owned)
}

fn needle() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "%", "_", "!", "é", "OR", "x"]).prop_map(str::to_owned)
}
