//! Who goes first where several wait: a user's change before a drift check, and nobody forever behind the others. Pure.

use std::collections::VecDeque;

/// Why something is done in AWS. The order is that of their turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// Somebody changed a manifest, or calls fail.
    Change,
    /// What we made is to be taken back.
    Deletion,
    /// A look at what should be as it was, and what has failed many times.
    Drift,
}

impl Priority {
    /// In the order of their turns.
    pub const ALL: [Priority; 3] = [Priority::Change, Priority::Deletion, Priority::Drift];

    /// As a metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Priority::Change => "change",
            Priority::Deletion => "deletion",
            Priority::Drift => "drift",
        }
    }

    /// After so many turns of others it gets one, whoever else waits: a third of all turns for deletions, a twentieth for
    /// drift checks.
    fn patience(self) -> u32 {
        match self {
            Priority::Change => 0,
            Priority::Deletion => 2,
            Priority::Drift => 19,
        }
    }
}

/// First come, first served within each priority.
#[derive(Debug)]
pub struct Lanes<T> {
    lanes: [Lane<T>; 3],
}

#[derive(Debug)]
struct Lane<T> {
    priority: Priority,
    waiting: VecDeque<T>,
    /// Turns of others since its own last one, or since somebody waits in it.
    passed_over: u32,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self { lanes: Priority::ALL.map(|priority| Lane { priority, waiting: VecDeque::new(), passed_over: 0 }) }
    }
}

impl<T> Lanes<T> {
    /// Behind those of the same priority.
    pub fn push(&mut self, priority: Priority, item: T) {
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.priority == priority) {
            lane.waiting.push_back(item);
        }
    }

    /// Whose turn it is.
    pub fn pop(&mut self) -> Option<(Priority, T)> {
        let waits = |lane: &&mut Lane<T>| !lane.waiting.is_empty();
        let overdue =
            |lane: &&mut Lane<T>| lane.priority != Priority::Change && lane.passed_over >= lane.priority.patience();
        // The least urgent of those that waited long enough has waited longest.
        let turn = match self.lanes.iter_mut().filter(waits).rfind(overdue) {
            Some(lane) => lane.priority,
            None => self.lanes.iter_mut().find(waits)?.priority,
        };
        let mut popped = None;
        for lane in &mut self.lanes {
            if lane.priority == turn {
                popped = lane.waiting.pop_front();
                lane.passed_over = 0;
            } else if lane.waiting.is_empty() {
                lane.passed_over = 0;
            } else {
                lane.passed_over += 1;
            }
        }
        popped.map(|item| (turn, item))
    }

    /// Lets those go that don't wait any more.
    pub fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        for lane in &mut self.lanes {
            lane.waiting.retain(&keep);
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.waiting.len()).sum()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;
