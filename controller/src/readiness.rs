//! What the process still waits for, by name. Nothing left: ready.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All that is missing. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, String>>>);

/// One thing that must be there.
#[derive(Clone, Debug)]
pub struct Requirement {
    name: &'static str,
    readiness: Readiness,
}

impl Readiness {
    /// Something that isn't there yet, and why.
    pub fn require(&self, name: &'static str, why: &str) -> Requirement {
        let requirement = Requirement { name, readiness: self.clone() };
        requirement.unmet(why);
        requirement
    }

    /// What is missing: a name and why.
    pub fn missing(&self) -> Vec<(&'static str, String)> {
        self.lock().iter().map(|(name, why)| (*name, why.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Requirement {
    /// It is there.
    pub fn met(&self) {
        self.readiness.lock().remove(self.name);
    }

    /// It isn't there; whether that is news.
    pub fn unmet(&self, why: &str) -> bool {
        self.readiness.lock().insert(self.name, why.to_owned()).as_deref() != Some(why)
    }

    /// A better word for why it isn't there; nothing if it is.
    pub fn still_unmet(&self, why: &str) {
        if let Some(text) = self.readiness.lock().get_mut(self.name) {
            why.clone_into(text);
        }
    }

    /// Whether it is there.
    pub fn is_met(&self) -> bool {
        !self.readiness.lock().contains_key(self.name)
    }
}
