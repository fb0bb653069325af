//! The two queues of a leader: targets wait for AWS's limits, routes never wait behind them.

use std::time::Duration;

use lambdaroute_crds::LambdaRoute;

use super::{Key, Name};
use crate::intent::deleting;
use crate::priority::Priority;
use crate::queue::Queue;
use crate::target::FunctionTarget;

/// How urgent the targets of a route are: one whose manifest is in its status already waits behind those that changed.
pub(super) fn priority(route: &LambdaRoute) -> Priority {
    let observed = route.status.as_ref().and_then(|status| status.observed_generation);
    if deleting(route) {
        Priority::Deletion
    } else if observed == route.metadata.generation {
        Priority::Drift
    } else {
        Priority::Change
    }
}

/// What is due.
#[derive(Default)]
pub(super) struct Queues {
    pub(super) targets: Queue<FunctionTarget>,
    pub(super) routes: Queue<Name>,
}

impl Queues {
    /// Now, since something changed.
    pub(super) fn add(&self, key: Key) {
        self.add_as(key, Priority::Change);
    }

    /// Now.
    pub(super) fn add_as(&self, key: Key, priority: Priority) {
        self.add_after(key, Duration::ZERO, priority);
    }

    /// Later; an earlier due time and a higher priority stay.
    pub(super) fn add_after(&self, key: Key, delay: Duration, priority: Priority) {
        match key {
            Key::Target(target) => self.targets.add_after(target, delay, priority),
            Key::Route(name) => self.routes.add_after(name, delay, priority),
        }
    }

    /// How many keys are due now.
    pub(super) fn len(&self) -> usize {
        self.targets.len() + self.routes.len()
    }
}
