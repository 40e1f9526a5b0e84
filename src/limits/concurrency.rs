//! Requests of a tenant that are under way.

use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use uuid::Uuid;

/// How many requests of each tenant are under way; a tenant with none has no entry.
#[derive(Clone, Debug, Default)]
pub(super) struct Concurrency(Arc<DashMap<Uuid, u64>>);

impl Concurrency {
    /// Counts one more, unless there are as many already.
    pub(super) fn enter(&self, tenant: Uuid, most: u64) -> Option<Permit> {
        match self.0.entry(tenant) {
            Entry::Occupied(mut inside) if *inside.get() < most => *inside.get_mut() += 1,
            Entry::Vacant(none) if most > 0 => drop(none.insert(1)),
            _ => return None,
        }
        Some(Permit { tenant, of: self.clone() })
    }

    #[cfg(test)]
    pub(super) fn tenants(&self) -> usize {
        self.0.len()
    }
}

/// A request that is under way, until this is dropped.
#[derive(Debug)]
pub struct Permit {
    tenant: Uuid,
    of: Concurrency,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Entry::Occupied(mut inside) = self.of.0.entry(self.tenant) {
            match *inside.get() {
                0 | 1 => drop(inside.remove()),
                _ => *inside.get_mut() -= 1,
            }
        }
    }
}
