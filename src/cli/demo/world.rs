//! The demo's two tenants with everything in them: the same ids, names, texts and times every time.

use chrono::{DateTime, Utc};
use entity::{NewPost, NewUser, Role};
use uuid::Uuid;

use super::words::{ACME, FIRST, Flavour, GLOBEX, LAST, SENTENCES, TITLES};

/// 12 January 2026, 08:00 UTC: the demo's first day.
const FIRST_DAY: u64 = 1_768_204_800_000;
const HOUR: u64 = 60 * 60 * 1000;
const DAY: u64 = 24 * HOUR;

/// One tenant with its users and posts, ready to be written.
pub(super) struct World {
    pub(super) id: Uuid,
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) created_at: DateTime<Utc>,
    /// The first is an admin, the second a viewer.
    pub(super) users: Vec<NewUser>,
    pub(super) posts: Vec<NewPost>,
}

impl World {
    /// A domain of the tenant's own, which nobody can register.
    pub(super) fn domain(&self) -> String {
        format!("{}.example", self.slug)
    }
}

/// Both tenants.
pub(super) fn worlds() -> [World; 2] {
    [world(&ACME, 1), world(&GLOBEX, 2)]
}

fn world(flavour: &Flavour, seed: u64) -> World {
    let mut dice = Dice(seed);
    let born = FIRST_DAY + seed * HOUR;
    let (id, created_at) = dice.stamp(born);
    let users: Vec<_> = (0..flavour.users).map(|number| user(flavour, number, born, &mut dice)).collect();
    let posts = (0..flavour.posts).map(|number| post(flavour, number, born, &users, &mut dice)).collect();
    World { id, slug: flavour.slug, name: flavour.name, created_at, users, posts }
}

/// Everybody joins in the first month, before anybody writes.
fn user(flavour: &Flavour, number: usize, born: u64, dice: &mut Dice) -> NewUser {
    let (id, created_at) = dice.stamp(born + number as u64 * DAY);
    // The two lists' lengths have no common divisor and each tenant starts elsewhere, so no name comes twice.
    let first = FIRST[(number + flavour.posts) % FIRST.len()];
    let last = LAST[(number * 5 + flavour.users) % LAST.len()];
    NewUser {
        tenant_id: None,
        id: Some(id),
        name: format!("{} {}", first.0, last.0),
        email: format!("{}.{}@{}.example", first.1, last.1, flavour.slug),
        role: match number {
            0 | 7 => Role::Admin,
            1 | 5 | 13 => Role::Viewer,
            _ => Role::Member,
        },
        created_at: Some(created_at),
    }
}

/// Roughly one post a day from the second month on, by whoever may write.
fn post(flavour: &Flavour, number: usize, born: u64, users: &[NewUser], dice: &mut Dice) -> NewPost {
    let jitter = dice.below(9 * 60) as u64 * 60 * 1000;
    let (id, created_at) = dice.stamp(born + 31 * DAY + number as u64 * DAY + jitter);
    let writers: Vec<_> = users.iter().filter(|user| user.role != Role::Viewer).filter_map(|user| user.id).collect();
    let sentences = dice.below(5);
    let content: Vec<_> = (0..sentences).map(|_| dice.text(&SENTENCES, flavour)).collect();
    NewPost {
        tenant_id: None,
        id: Some(id),
        user_id: *dice.pick(&writers),
        title: dice.text(&TITLES, flavour),
        content: (!content.is_empty()).then(|| content.join(" ")),
        created_at: Some(created_at),
    }
}

/// SplitMix64: small, and the same on every machine for ever, which no library promises.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// An id of this moment, as the application itself would have made it then.
    fn stamp(&mut self, millis: u64) -> (Uuid, DateTime<Utc>) {
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.roll().to_be_bytes());
        random[2..].copy_from_slice(&self.roll().to_be_bytes());
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        let at = DateTime::from_timestamp_millis(millis as i64).expect("a day in this century");
        (id, at)
    }

    fn text(&mut self, templates: &[&str], flavour: &Flavour) -> String {
        let thing = self.pick(flavour.things);
        let place = self.pick(flavour.places);
        let text = self.pick(templates).replace("{thing}", thing).replace("{place}", place);
        let mut letters = text.chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn is_the_same_every_time() {
        for (one, other) in worlds().iter().zip(&worlds()) {
            assert_eq!(one.id, other.id);
            assert_eq!(one.users, other.users);
            assert_eq!(one.posts, other.posts);
        }
        // A change here breaks what people wrote down: ids are part of the demo.
        assert_eq!(
            worlds().map(|world| world.id.to_string()),
            ["019bb16e-fe80-710a-beeb-8da1658eec67", "019bb1a5-ed00-7758-bfc8-46100bfc1e42"]
        );
    }

    #[test]
    fn names_no_one_and_nothing_twice() {
        let mut ids = BTreeSet::new();
        for world in worlds() {
            assert!(ids.insert(world.id));
            let emails: BTreeSet<_> = world.users.iter().map(|user| &user.email).collect();
            assert_eq!(emails.len(), world.users.len());
            assert!(world.users.iter().all(|user| ids.insert(user.id.unwrap())));
            assert!(world.posts.iter().all(|post| ids.insert(post.id.unwrap())));
        }
    }

    #[test]
    fn keeps_the_rules_of_the_api() {
        for world in worlds() {
            assert_eq!(world.users[0].role, Role::Admin);
            assert_eq!(world.users[1].role, Role::Viewer);
            for user in &world.users {
                assert!(user.name.chars().count() <= 100 && user.email.is_ascii(), "{user:?}");
            }
            for post in &world.posts {
                let author = world.users.iter().find(|user| user.id == Some(post.user_id)).unwrap();
                assert!(author.role != Role::Viewer && author.created_at < post.created_at, "{post:?}");
                assert!(post.title.chars().count() <= 255 && !post.title.contains('{'), "{post:?}");
            }
        }
    }
}
