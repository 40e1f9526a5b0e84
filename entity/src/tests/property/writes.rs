//! Inserting and changing, on a scope and on the model.

use super::compare::{self, Compared, Modelled};
use super::{
    Error, F, NewPost, NewUser, PostChanges, PostOp, PostRow, PostValues, Refused, Role, Run, TenantScoped,
    UserChanges, UserOp, UserRow, UserValues, Uuid, World, post, truth, user,
};
use crate::resource::fold;

impl Run {
    pub(super) async fn write_users(
        &mut self,
        tenant: Uuid,
        scope: &TenantScoped<user::Model>,
        op: UserOp,
    ) -> Result<Compared, String> {
        match op {
            UserOp::Common(_) => Err("is not a write".to_owned()),
            UserOp::Insert(values) => {
                let expected = self.insert_users(tenant, std::slice::from_ref(&values));
                let got = scope.insert(self.new_user(&values, true)).await;
                compare::outcome(got.map(|row| vec![row.row()]), expected)
            }
            UserOp::InsertMany(values) => {
                let expected = self.insert_users(tenant, &values);
                let new = values.iter().map(|values| self.new_user(values, true)).collect();
                let got = scope.insert_many(new).await;
                compare::outcome(got.map(|rows| rows.iter().map(Modelled::row).collect()), expected)
            }
            UserOp::InsertIfAbsent(values) => {
                let got = scope.insert_if_absent(self.new_user(&values, false)).await;
                let taken = self.user_with(tenant, &values.email).is_some();
                self.upserted(tenant, values, got, |_, _| None, taken)
            }
            UserOp::Upsert(values) => {
                let got = scope.upsert(self.new_user(&values, false)).await.map(Some);
                let taken = self.user_with(tenant, &values.email).is_some();
                let replace = |row: &mut UserRow, values: &UserValues| {
                    row.name.clone_from(&values.name);
                    row.email.clone_from(&values.email);
                    row.version += 1;
                    Some(row.clone())
                };
                self.upserted(tenant, values, got, replace, taken)
            }
            UserOp::Update(id, also, name, email) => {
                let id = self.ids[usize::from(id)];
                let expected = self.change_users(tenant, &also, Some(id), name.as_deref(), email.as_deref());
                let filter = compare::filter(&also, &self.ids, &self.tenants);
                let got = scope.update(id, filter, UserChanges { name, email, role: None }).await;
                compare::outcome(got.map(|row| row.iter().map(Modelled::row).collect()), expected)
            }
            UserOp::UpdateMany(condition, name, email) => {
                let nothing = name.is_none() && email.is_none();
                let expected = self.change_users(tenant, &condition, None, name.as_deref(), email.as_deref());
                let filter = compare::filter(&condition, &self.ids, &self.tenants);
                let got = scope.update_many(filter, UserChanges { name, email, role: None }).await;
                compare::outcome(got, expected.map(|rows| if nothing { 0 } else { rows.len() as u64 }))
            }
        }
    }

    pub(super) async fn write_posts(
        &mut self,
        tenant: Uuid,
        scope: &TenantScoped<post::Model>,
        op: PostOp,
    ) -> Result<Compared, String> {
        match op {
            PostOp::Common(_) => Err("is not a write".to_owned()),
            PostOp::Insert(values) => {
                let expected = self.insert_posts(tenant, std::slice::from_ref(&values));
                let got = scope.insert(self.new_post(&values)).await;
                compare::outcome(got.map(|row| vec![row.row()]), expected)
            }
            PostOp::InsertMany(values) => {
                let expected = self.insert_posts(tenant, &values);
                let got = scope.insert_many(values.iter().map(|values| self.new_post(values)).collect()).await;
                compare::outcome(got.map(|rows| rows.iter().map(Modelled::row).collect()), expected)
            }
            PostOp::InsertIfAbsent(values) => {
                let expected = if self.post_at(tenant, &values).is_some() && !self.is_foreign(tenant, values.claimed) {
                    Ok(Vec::new())
                } else {
                    self.insert_posts(tenant, std::slice::from_ref(&values))
                };
                let got = scope.insert_if_absent(self.new_post(&values)).await;
                compare::outcome(got.map(|row| row.iter().map(Modelled::row).collect()), expected)
            }
            PostOp::Upsert(values) => {
                let expected = self.upsert_post(tenant, &values);
                let got = scope.upsert(self.new_post(&values)).await;
                compare::outcome(got.map(|row| vec![row.row()]), expected)
            }
            PostOp::Update(id, also, title, content, user) => {
                let id = self.ids[usize::from(id)];
                let user_id = user.map(|user| self.ids[usize::from(user)]);
                let changes = PostChanges { user_id, title, content };
                let expected = self.change_posts(tenant, &also, Some(id), &changes);
                let filter = compare::filter(&also, &self.ids, &self.tenants);
                let got = scope.update(id, filter, changes).await;
                compare::outcome(got.map(|row| row.iter().map(Modelled::row).collect()), expected)
            }
            PostOp::UpdateMany(condition, title, content) => {
                let changes = PostChanges { user_id: None, title, content };
                let nothing = changes == PostChanges::default();
                let expected = self.change_posts(tenant, &condition, None, &changes);
                let filter = compare::filter(&condition, &self.ids, &self.tenants);
                let got = scope.update_many(filter, changes).await;
                compare::outcome(got, expected.map(|rows| if nothing { 0 } else { rows.len() as u64 }))
            }
        }
    }

    fn new_user(&self, values: &UserValues, with_id: bool) -> NewUser {
        NewUser {
            tenant_id: values.claimed.map(|claimed| self.tenants[usize::from(claimed)]),
            id: with_id.then(|| self.ids[usize::from(values.id)]),
            name: values.name.clone(),
            email: values.email.clone(),
            role: Role::Member,
            created_at: None,
        }
    }

    fn new_post(&self, values: &PostValues) -> NewPost {
        NewPost {
            tenant_id: values.claimed.map(|claimed| self.tenants[usize::from(claimed)]),
            id: Some(self.ids[usize::from(values.id)]),
            user_id: self.ids[usize::from(values.user)],
            title: values.title.clone(),
            content: values.content.clone(),
            created_at: None,
        }
    }

    fn is_foreign(&self, tenant: Uuid, claimed: Option<u8>) -> bool {
        claimed.is_some_and(|claimed| self.tenants[usize::from(claimed)] != tenant)
    }

    fn insert_users(&mut self, tenant: Uuid, values: &[UserValues]) -> Result<Vec<UserRow>, Refused> {
        if values.iter().any(|values| self.is_foreign(tenant, values.claimed)) {
            return Err(Refused::ForeignTenant);
        }
        let row = |values: &UserValues| UserRow {
            tenant,
            id: self.ids[usize::from(values.id)],
            name: values.name.clone(),
            email: values.email.clone(),
            version: 1,
        };
        let rows: Vec<_> = values.iter().map(row).collect();
        self.changed(|world| world.users.extend(rows.clone()))?;
        Ok(rows)
    }

    fn insert_posts(&mut self, tenant: Uuid, values: &[PostValues]) -> Result<Vec<PostRow>, Refused> {
        if values.iter().any(|values| self.is_foreign(tenant, values.claimed)) {
            return Err(Refused::ForeignTenant);
        }
        let rows: Vec<_> = values.iter().map(|values| self.post_row(tenant, values)).collect();
        self.changed(|world| world.posts.extend(rows.clone()))?;
        Ok(rows)
    }

    fn post_row(&self, tenant: Uuid, values: &PostValues) -> PostRow {
        PostRow {
            tenant,
            id: self.ids[usize::from(values.id)],
            user: self.ids[usize::from(values.user)],
            title: values.title.clone(),
            content: values.content.clone(),
            version: 1,
        }
    }

    fn user_with(&self, tenant: Uuid, email: &str) -> Option<usize> {
        let same = |row: &UserRow| row.tenant == tenant && fold(&row.email) == fold(email);
        self.world.users.iter().position(same)
    }

    fn post_at(&self, tenant: Uuid, values: &PostValues) -> Option<usize> {
        let id = self.ids[usize::from(values.id)];
        self.world.posts.iter().position(|row| (row.tenant, row.id) == (tenant, id))
    }

    /// An insert by address, whose id the database crate makes: the model learns it from the answer.
    fn upserted(
        &mut self,
        tenant: Uuid,
        values: UserValues,
        got: Result<Option<user::Model>, Error>,
        replace: impl Fn(&mut UserRow, &UserValues) -> Option<UserRow>,
        taken: bool,
    ) -> Result<Compared, String> {
        if self.is_foreign(tenant, values.claimed) {
            return compare::outcome(got.map(|_| ()), Err(Refused::ForeignTenant));
        }
        let got = got.map_err(|error| error.to_string())?.map(|row| row.row());
        if let Some(at) = self.user_with(tenant, &values.email).filter(|_| taken) {
            let expected = replace(&mut self.world.users[at], &values);
            return compare::equal(got, expected);
        }
        let id = got.as_ref().map(|row| row.id).ok_or("nothing was inserted")?;
        let row = UserRow { tenant, id, name: values.name, email: values.email, version: 1 };
        self.world.users.push(row.clone());
        compare::equal(got, Some(row))
    }

    fn upsert_post(&mut self, tenant: Uuid, values: &PostValues) -> Result<Vec<PostRow>, Refused> {
        let Some(at) = self.post_at(tenant, values).filter(|_| !self.is_foreign(tenant, values.claimed)) else {
            return self.insert_posts(tenant, std::slice::from_ref(values));
        };
        let mut row = self.post_row(tenant, values);
        row.version = self.world.posts[at].version + 1;
        self.changed(|world| world.posts[at] = row.clone())?;
        Ok(vec![row])
    }

    fn change_users(
        &mut self,
        tenant: Uuid,
        condition: &F,
        id: Option<Uuid>,
        name: Option<&str>,
        email: Option<&str>,
    ) -> Result<Vec<UserRow>, Refused> {
        let (ids, tenants) = (self.ids.clone(), self.tenants.clone());
        let mut rows = Vec::new();
        self.changed(|world| {
            let matches = |row: &UserRow| {
                row.tenant == tenant
                    && id.is_none_or(|id| id == row.id)
                    && truth(condition, row, &ids, &tenants) == Some(true)
            };
            for row in world.users.iter_mut().filter(|row| matches(row)) {
                row.name = name.map_or_else(|| row.name.clone(), str::to_owned);
                row.email = email.map_or_else(|| row.email.clone(), str::to_owned);
                row.version += i64::from(name.is_some() || email.is_some());
                rows.push(row.clone());
            }
        })?;
        Ok(rows)
    }

    fn change_posts(
        &mut self,
        tenant: Uuid,
        condition: &F,
        id: Option<Uuid>,
        changes: &PostChanges,
    ) -> Result<Vec<PostRow>, Refused> {
        let (ids, tenants) = (self.ids.clone(), self.tenants.clone());
        let mut rows = Vec::new();
        self.changed(|world| {
            let matches = |row: &PostRow| {
                row.tenant == tenant
                    && id.is_none_or(|id| id == row.id)
                    && truth(condition, row, &ids, &tenants) == Some(true)
            };
            for row in world.posts.iter_mut().filter(|row| matches(row)) {
                row.user = changes.user_id.unwrap_or(row.user);
                row.title = changes.title.clone().unwrap_or_else(|| row.title.clone());
                row.content = changes.content.clone().unwrap_or_else(|| row.content.clone());
                row.version += i64::from(*changes != PostChanges::default());
                rows.push(row.clone());
            }
        })?;
        Ok(rows)
    }

    /// Changes the model, unless that would break a key.
    fn changed(&mut self, change: impl FnOnce(&mut World)) -> Result<(), Refused> {
        let mut world = self.world.clone();
        change(&mut world);
        world.check()?;
        self.world = world;
        Ok(())
    }
}
