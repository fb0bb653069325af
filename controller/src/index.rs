//! Which routes a target concerns, and the reverse. A map, nothing else.

use std::collections::{BTreeSet, HashMap};

use crate::target::FunctionTarget;

/// Namespace and name.
pub type Name = (String, String);

/// The map.
#[derive(Debug, Default)]
pub struct Index {
    by_target: HashMap<FunctionTarget, BTreeSet<Name>>,
    by_route: HashMap<Name, BTreeSet<FunctionTarget>>,
    by_uid: HashMap<String, Name>,
}

impl Index {
    /// A route concerns these targets now. Answers those that it concerned or concerns.
    pub fn set(&mut self, name: &Name, uid: &str, targets: BTreeSet<FunctionTarget>) -> BTreeSet<FunctionTarget> {
        let mut touched = self.take(name);
        for target in &targets {
            self.by_target.entry(target.clone()).or_default().insert(name.clone());
        }
        touched.extend(targets.iter().cloned());
        self.by_uid.insert(uid.to_owned(), name.clone());
        self.by_route.insert(name.clone(), targets);
        touched
    }

    /// A route is gone. Answers the targets that it concerned.
    pub fn remove(&mut self, name: &Name, uid: &str) -> BTreeSet<FunctionTarget> {
        self.by_uid.remove(uid);
        self.take(name)
    }

    fn take(&mut self, name: &Name) -> BTreeSet<FunctionTarget> {
        let targets = self.by_route.remove(name).unwrap_or_default();
        for target in &targets {
            if let Some(names) = self.by_target.get_mut(target) {
                names.remove(name);
                if names.is_empty() {
                    self.by_target.remove(target);
                }
            }
        }
        targets
    }

    /// The routes that a target concerns.
    pub fn routes(&self, target: &FunctionTarget) -> Vec<Name> {
        self.by_target.get(target).into_iter().flatten().cloned().collect()
    }

    /// The targets of a route.
    pub fn targets(&self, name: &Name) -> BTreeSet<FunctionTarget> {
        self.by_route.get(name).cloned().unwrap_or_default()
    }

    /// A route's name by its uid.
    pub fn name(&self, uid: &str) -> Option<Name> {
        self.by_uid.get(uid).cloned()
    }
}

#[cfg(test)]
mod tests;
