//! The cache: what is kept, what a write makes of it, and what is never answered.

mod cable;
mod local;
mod names;
mod shared;
mod successor;
mod trouble;

use std::sync::{Arc, Mutex, mpsc};

use testkit::TestDatabase;
use uuid::Uuid;

use super::process::Process;
use super::{Sent, recorder};
use crate::entities::{post, user};
use crate::gatekeeper::TenantName;
use crate::session::TenantAccess;
use crate::settings::DatabaseSettings;
use crate::steps::Steps;
use crate::vocabulary::{Isolation, Limits, Role};
use crate::{Error, Filter, NewPost, NewTenant, NewUser, PostChanges, PostColumn};

/// A database, the settings of a process on it, and every statement that the process sends.
struct Scene {
    test: TestDatabase,
    settings: DatabaseSettings,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Scene {
    fn new(test: impl Future<Output = TestDatabase>, variables: &[(&'static str, &str)]) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let test = runtime.block_on(test);
        let settings = Self::settings_of(&test, variables);
        let (sent, observer) = recorder();
        Self { test, settings: settings.observed_by(observer), sent }
    }

    fn settings_of(test: &TestDatabase, variables: &[(&'static str, &str)]) -> DatabaseSettings {
        let mut all = test.variables();
        all.extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
        super::settings(&all)
    }

    /// How many statements the process sends for this.
    fn statements_of<T>(&self, process: &Process, work: impl Future<Output = T>) -> (T, usize) {
        let before = self.sent.lock().unwrap().len();
        let value = process.run(work);
        (value, self.sent.lock().unwrap().len() - before)
    }
}

/// A tenant with a user and a post of the user's.
struct Acme {
    access: TenantAccess,
    user: user::Model,
    post: post::Model,
}

impl Acme {
    async fn make(process: &Process) -> Self {
        let new = NewTenant {
            id: None,
            slug: "acme".to_owned(),
            name: "Acme".to_owned(),
            isolation: Isolation::Shared,
            datastore: None,
            domains: Vec::new(),
            limits: Limits::default(),
            created_at: None,
        };
        process.platform().tenant_create(new).await.unwrap();
        let access = admitted(process).await.expect("it was just made");
        let user = NewUser {
            tenant_id: None,
            id: None,
            name: "Ada".to_owned(),
            email: "ada@example.com".to_owned(),
            role: Role::Admin,
            created_at: None,
        };
        let user = access.users().insert(user).await.unwrap();
        let post = NewPost { user_id: user.id, title: "one".to_owned(), ..NewPost::default() };
        let post = access.posts().insert(post).await.unwrap();
        Self { access, user, post }
    }

    /// The same as another process has it.
    fn seen_by(&self, process: &Process) -> Self {
        let access = process.database.access(self.access.tenant().clone()).unwrap();
        Self { access, user: self.user.clone(), post: self.post.clone() }
    }

    /// Tries a change, a deletion and an insert that are refused.
    async fn be_refused(&self) {
        let (posts, users, stale) = (self.access.posts(), self.access.users(), Filter::eq(PostColumn::Version, 0));
        let changes = PostChanges { title: Some("refused".to_owned()), ..PostChanges::default() };
        assert_eq!(posts.update(self.post.id, stale.clone(), changes).await.unwrap(), None);
        assert!(!posts.delete(self.post.id, stale).await.unwrap());
        let post = NewPost { user_id: Uuid::now_v7(), title: "refused".to_owned(), ..NewPost::default() };
        let nobodys = posts.insert(post).await;
        assert!(matches!(nobodys, Err(Error::MissingReference { field: "user_id" })), "{nobodys:?}");
        let (name, email) = ("Eda".to_owned(), self.user.email.clone());
        let user = NewUser { tenant_id: None, id: None, name, email, role: Role::Member, created_at: None };
        let taken = users.insert(user).await;
        assert!(matches!(taken, Err(Error::Conflict { field: Some("email") })), "{taken:?}");
    }

    async fn retitle(&self, title: &str) {
        let changes = PostChanges { title: Some(title.to_owned()), ..PostChanges::default() };
        self.access.posts().update(self.post.id, Filter::all(), changes).await.unwrap().expect("it is there");
    }
}

/// The tenant `acme`, as a request finds it.
async fn admitted(process: &Process) -> Option<TenantAccess> {
    let found = process.gatekeeper.find(&[TenantName::Slug("acme".to_owned())]).await.unwrap();
    found.into_iter().next().map(|located| process.gatekeeper.admit(located).unwrap())
}

/// The post's title, as somebody else reads it.
async fn title(access: &TenantAccess, post: &post::Model) -> Option<String> {
    access.posts().get(post.id).await.unwrap().map(|post| post.title)
}

/// Steps of which these, when each is first come to, wait until they are let go. The test is told when one is come to.
fn held_at(steps: &'static [&'static str]) -> (Steps, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (tell, told) = mpsc::channel();
    let (let_go, wait) = mpsc::channel();
    let (ahead, wait) = (Mutex::new(steps.to_vec()), Mutex::new(wait));
    let lives = move |name: &str| {
        let at = ahead.lock().unwrap().iter().position(|step| *step == name);
        if let Some(at) = at {
            ahead.lock().unwrap().remove(at);
            tell.send(()).unwrap();
            // The test may be over.
            let _ = tokio::task::block_in_place(|| wait.lock().unwrap().recv());
        }
        true
    };
    (Steps::told(Arc::new(lives)), told, let_go)
}
