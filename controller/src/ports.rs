//! Which port belongs to which route. Two routes never share one; a freed port rests before another route gets it, so that a
//! caller's old connection never meets another tenant's function. Pure: the clock is an argument.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use lambdaroute_crds::LambdaRoute;
use serde::{Deserialize, Serialize};

use crate::programming::RouteId;
use crate::service;

/// `--port-range`: both ends belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRange(RangeInclusive<u16>);

/// A range that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a port range is FIRST-LAST, both between 1024 and 65535, such as 10000-29999")]
pub struct InvalidRange;

impl FromStr for PortRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let (first, last) = text.split_once('-').ok_or(InvalidRange)?;
        let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port >= 1024).ok_or(InvalidRange);
        let (first, last) = (port(first)?, port(last)?);
        if first <= last { Ok(Self(first..=last)) } else { Err(InvalidRange) }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0.start(), self.0.end())
    }
}

/// A port that rests; kept in a ConfigMap, so that the next leader lets it rest too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// Whose it was.
    pub uid: String,
    /// Since when.
    pub since: Timestamp,
}

/// A route's claim to a port, at the start of a leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The route.
    pub id: RouteId,
    /// `status.port`; where there is none yet, the Service's targetPort.
    pub port: u16,
    /// Status says so, which the controller alone writes; whoever may edit Services may write anything there.
    pub recorded: bool,
}

impl Claim {
    /// What a route claims, whose own Service is `live`: by its status also without one.
    pub fn of(route: &LambdaRoute, live: Option<&Service>) -> Option<Self> {
        let recorded = route.status.as_ref().and_then(|status| status.port);
        let port = recorded.or_else(|| service::target_port(live?))?;
        Some(Self { id: RouteId(route.uid()?), port, recorded: recorded.is_some() })
    }
}

/// Whose a port is that two claim, or that somebody wrote into a Service.
pub const CONTESTED: &str = "contested";

/// The allocation.
#[derive(Clone, Debug)]
pub struct Ports {
    range: PortRange,
    taken: HashMap<u16, RouteId>,
    by_route: HashMap<RouteId, u16>,
    resting: BTreeMap<u16, Rest>,
    /// Least recently used first. May hold ports that were taken by a claim since: they are skipped.
    free: VecDeque<u16>,
}

impl Ports {
    /// From what the cluster holds. What status says goes before what a Service says, and a Service alone claims nothing
    /// outside the range (such as a proxy's own port). A port that two claim alike is nobody's and rests, and both routes
    /// get others.
    pub fn new(range: PortRange, claims: Vec<Claim>, resting: BTreeMap<u16, Rest>, now: Timestamp) -> Self {
        let free = range.0.clone().collect();
        let mut ports = Self { range, taken: HashMap::new(), by_route: HashMap::new(), resting, free };
        let mut by_port: BTreeMap<(bool, u16), BTreeSet<RouteId>> = BTreeMap::new();
        for Claim { id, port, recorded } in claims {
            by_port.entry((!recorded, port)).or_default().insert(id);
        }
        for ((only_said, port), mut ids) in by_port {
            if only_said && (ports.taken.contains_key(&port) || !ports.range.0.contains(&port)) {
                continue;
            }
            let (Some(id), true) = (ids.pop_first(), ids.is_empty()) else {
                ports.resting.insert(port, Rest { uid: CONTESTED.to_owned(), since: now });
                continue;
            };
            let rests = ports.resting.get(&port).is_some_and(|rest| rest.uid != id.0);
            if !rests && !ports.by_route.contains_key(&id) {
                ports.resting.remove(&port);
                ports.taken.insert(port, id.clone());
                ports.by_route.insert(id, port);
            }
        }
        ports
    }

    /// The route's port.
    pub fn of(&self, id: &RouteId) -> Option<u16> {
        self.by_route.get(id).copied()
    }

    /// The route's port, given now if it has none. None: the range is used up.
    pub fn allocate(&mut self, id: &RouteId) -> Option<u16> {
        if let Some(port) = self.of(id) {
            return Some(port);
        }
        while let Some(port) = self.free.pop_front() {
            if !self.taken.contains_key(&port) && !self.resting.contains_key(&port) {
                self.taken.insert(port, id.clone());
                self.by_route.insert(id.clone(), port);
                return Some(port);
            }
        }
        None
    }

    /// Lets a route's port rest. Nothing if the route has none.
    pub fn rest(&mut self, id: &RouteId, now: Timestamp) {
        if let Some(port) = self.by_route.remove(id) {
            self.taken.remove(&port);
            self.resting.insert(port, Rest { uid: id.0.clone(), since: now });
        }
    }

    /// Lets a port rest that no route has but somebody had. False if it is taken, rests already, or is never given.
    pub fn rest_unclaimed(&mut self, id: &RouteId, port: u16, now: Timestamp) -> bool {
        if self.taken.contains_key(&port) || self.resting.contains_key(&port) || !self.range.0.contains(&port) {
            return false;
        }
        self.resting.insert(port, Rest { uid: id.0.clone(), since: now });
        true
    }

    /// Ends the rest of ports that have rested for `rest` and that no proxy has any more. Whether any did.
    pub fn wake(&mut self, now: Timestamp, rest: SignedDuration, removed: impl Fn(&RouteId) -> bool) -> bool {
        let before = self.resting.len();
        let (range, free) = (&self.range, &mut self.free);
        self.resting.retain(|port, resting| {
            let over = now.duration_since(resting.since) >= rest && removed(&RouteId(resting.uid.clone()));
            if over && range.0.contains(port) {
                free.push_back(*port);
            }
            !over
        });
        before != self.resting.len()
    }

    /// What a ConfigMap has to remember.
    pub fn resting(&self) -> &BTreeMap<u16, Rest> {
        &self.resting
    }
}

#[cfg(test)]
mod tests;
