//! Somebody who keeps undoing what we write: a Terraform run, a console, another cluster with the same cluster id. After three
//! repairs of the same thing in ten minutes it is told, and repaired more slowly, never in a hot fight. Pure: the clock is an
//! argument. It never holds back what wasn't fought over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::demand::Demand;
use crate::plan::{Intent, RouteOnTarget};
use crate::step::{RouteKey, Step};

/// So many repairs of the same thing
const REPAIRS: usize = 3;
/// within so long are a fight.
const WITHIN: Duration = Duration::from_secs(600);
/// The first pause in a fight; the next ones are twice as long each.
const PAUSE: Duration = Duration::from_secs(60);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(480);

/// What is fought over.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Contested {
    /// The URL config.
    FunctionUrl,
    /// A statement, by its Sid without the mark.
    Statement(String),
}

impl Contested {
    /// What a step writes in AWS. None: a write in Kubernetes.
    pub fn of(step: &Step) -> Option<Self> {
        match step {
            Step::CreateFunctionUrlConfig { .. }
            | Step::UpdateFunctionUrlConfig { .. }
            | Step::DeleteFunctionUrlConfig { .. } => Some(Contested::FunctionUrl),
            Step::AddPermission { sid, .. } | Step::RemovePermission { sid, .. } => {
                let mut sid = sid.clone();
                sid.created = None;
                Some(Contested::Statement(sid.to_string()))
            }
            _ => None,
        }
    }
}

/// What isn't repaired for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// These.
    pub what: BTreeSet<Contested>,
    /// When it is next repaired.
    pub until: Instant,
}

/// What is remembered of a target's repairs.
#[derive(Debug, Default)]
pub struct Contest {
    /// What manifests want: a change of it begins anew.
    wish: Vec<(RouteKey, Demand)>,
    /// Everything was as wished once: what is to be written since then is a repair.
    settled: bool,
    times: BTreeMap<Contested, Vec<Instant>>,
}

fn wish(routes: &[RouteOnTarget]) -> Vec<(RouteKey, Demand)> {
    let mut wish: Vec<(RouteKey, Demand)> = routes
        .iter()
        .filter_map(|route| {
            let demand = match &route.intent {
                Intent::Wants { demand, .. } => demand.clone(),
                Intent::Keeps { programmed, .. } => programmed.clone()?,
                Intent::Releases => return None,
            };
            Some((route.route.clone(), demand))
        })
        .collect();
    wish.sort_by(|(one, _), (other, _)| one.cmp(other));
    wish
}

/// A URL config that is to be made and the statement that proves it to be ours are held together: one without the other would
/// be nobody's.
fn hold_mark(steps: &[Step], held: &mut BTreeSet<Contested>) {
    let marks = steps.iter().filter(|step| matches!(step, Step::AddPermission { mark_created: true, .. }));
    let mut together: BTreeSet<Contested> = marks.filter_map(Contested::of).collect();
    if together.is_empty() {
        return;
    }
    together.insert(Contested::FunctionUrl);
    if !held.is_disjoint(&together) {
        held.extend(together);
    }
}

impl Contest {
    /// Judges what is to be written now. `settled`: everything is as wished, or was at the last look.
    pub fn judge(&mut self, routes: &[RouteOnTarget], steps: &[Step], settled: bool, now: Instant) -> Option<Held> {
        let wish = wish(routes);
        if wish != self.wish {
            *self = Self { wish, ..Self::default() };
        }
        self.settled |= settled;
        let due: BTreeSet<Contested> = steps.iter().filter_map(Contested::of).collect();
        if due.is_empty() {
            return None;
        }
        for times in self.times.values_mut() {
            times.retain(|time| now.duration_since(*time) < WITHIN);
        }
        self.times.retain(|_, times| !times.is_empty());
        let mut held: Option<Held> = None;
        for what in due {
            let Some(times) = self.times.get(&what).filter(|times| times.len() >= REPAIRS) else { continue };
            let Some(last) = times.last() else { continue };
            let doublings = u32::try_from(times.len() - REPAIRS).unwrap_or(u32::MAX).min(8);
            let until = *last + (PAUSE * 2u32.pow(doublings)).min(LONGEST);
            if now < until {
                let held = held.get_or_insert(Held { what: BTreeSet::new(), until });
                held.what.insert(what);
                held.until = held.until.max(until);
            }
        }
        if let Some(held) = &mut held {
            hold_mark(steps, &mut held.what);
        }
        held
    }

    /// Whether what is to be written now repairs what somebody else did: no manifest has changed since all was as wished.
    pub fn repairs(&self) -> bool {
        self.settled
    }

    /// Counts what was written as repaired, if everything was as wished before.
    pub fn written(&mut self, steps: &[Step], now: Instant) {
        if !self.settled {
            return;
        }
        for what in steps.iter().filter_map(Contested::of).collect::<BTreeSet<_>>() {
            self.times.entry(what).or_default().push(now);
        }
    }
}

#[cfg(test)]
mod tests;
