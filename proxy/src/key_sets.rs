//! The key sets of the route table, each in a slot of its own that routes hold: a key set that changes touches no route,
//! and a request reads it without a lock. A slot that is empty recognises nobody.

pub(crate) mod consumers;
pub(crate) mod jwk;
pub(crate) mod jwks;
mod verified;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use lambdaroute_proxy_config::v1alpha1::key_set::Keys;
use lambdaroute_proxy_config::v1alpha1::resource::Resource as Kind;
use lambdaroute_proxy_config::v1alpha1::{self, Outcome, RefusalReason, Removed, Resource, Served, outcome};

use crate::table::{Step, refusal};
use consumers::{Consumers, ConsumersError};
use jwks::{Jwks, JwksError};

/// A key set as the request path needs it.
#[derive(Debug)]
pub(crate) enum KeySet {
    /// Public keys that sign tokens.
    Jwks(Jwks),
    /// Digests of API keys.
    Consumers(Consumers),
}

/// Why a key set can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeySetError {
    #[error("the key set is of a kind that this proxy doesn't know: upgrade it")]
    Kind,
    #[error(transparent)]
    Consumers(#[from] ConsumersError),
    #[error(transparent)]
    Jwks(#[from] JwksError),
}

impl KeySet {
    /// # Errors
    /// It is of an unknown kind, or not what its kind must be.
    pub(crate) fn new(key_set: &v1alpha1::KeySet) -> Result<Self, KeySetError> {
        match &key_set.keys {
            Some(Keys::Jwks(text)) => Ok(KeySet::Jwks(Jwks::new(text)?)),
            Some(Keys::Consumers(consumers)) => Ok(KeySet::Consumers(Consumers::new(consumers)?)),
            None => Err(KeySetError::Kind),
        }
    }
}

/// Where a key set is, or would be.
#[derive(Debug)]
pub(crate) struct KeySetSlot {
    /// The key set's id.
    pub(crate) id: Arc<str>,
    /// What is there now. Absent: nobody is recognised.
    pub(crate) keys: ArcSwapOption<KeySet>,
}

/// All slots, by id.
#[derive(Debug, Default)]
pub(crate) struct KeySets(Mutex<HashMap<Arc<str>, Arc<KeySetSlot>>>);

impl KeySets {
    /// The slot of a key set, there or not.
    pub(crate) fn slot(&self, id: &str) -> Arc<KeySetSlot> {
        slot(&mut self.lock(), id)
    }

    /// Does the steps; what they say holds for every request that comes after this returns.
    pub(crate) fn program(&self, steps: Vec<Step>) -> Vec<Outcome> {
        let mut slots = self.lock();
        let outcomes = steps.into_iter().map(|step| take(&mut slots, step)).collect();
        // Neither a key set nor a route that waits for one.
        slots.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.keys.load().is_some());
        outcomes
    }

    /// Touched when routes and key sets are programmed, never by a request.
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<KeySetSlot>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn slot(slots: &mut HashMap<Arc<str>, Arc<KeySetSlot>>, id: &str) -> Arc<KeySetSlot> {
    if let Some(slot) = slots.get(id) {
        return slot.clone();
    }
    let id: Arc<str> = id.into();
    let slot = Arc::new(KeySetSlot { id: id.clone(), keys: ArcSwapOption::empty() });
    slots.insert(id, slot.clone());
    slot
}

fn take(slots: &mut HashMap<Arc<str>, Arc<KeySetSlot>>, step: Step) -> Outcome {
    let (reference, keys) = match step {
        Step::Serve(reference, resource, _) => (reference, Some(keys(&resource))),
        Step::Remove(reference) => (reference, None),
        Step::Refuse(reference, reason, detail) => {
            slot(slots, &reference.id).keys.store(None);
            return told(reference, reason, detail);
        }
    };
    let slot = slot(slots, &reference.id);
    let outcome = match keys {
        Some(Ok(keys)) => {
            if let KeySet::Jwks(jwks) = &keys {
                for (index, reason) in &jwks.skipped {
                    tracing::warn!(id = reference.id, index, %reason, "a key of a key set is left out");
                }
            }
            slot.keys.store(Some(Arc::new(keys)));
            outcome::Outcome::Served(Served {})
        }
        Some(Err(error)) => {
            // The version before is of no use either: what it admits may have been taken away.
            slot.keys.store(None);
            return told(reference, RefusalReason::Invalid, error.to_string());
        }
        None => {
            slot.keys.store(None);
            outcome::Outcome::Removed(Removed {})
        }
    };
    Outcome { resource: Some(reference), outcome: Some(outcome) }
}

fn keys(resource: &Resource) -> Result<KeySet, KeySetError> {
    match &resource.resource {
        Some(Kind::KeySet(key_set)) => KeySet::new(key_set),
        _ => Err(KeySetError::Kind),
    }
}

fn told(reference: v1alpha1::ResourceRef, reason: RefusalReason, detail: String) -> Outcome {
    tracing::warn!(id = reference.id, reason = reason.as_str_name(), detail, "key set refused");
    refusal(reference, reason, detail)
}

#[cfg(test)]
mod tests;
