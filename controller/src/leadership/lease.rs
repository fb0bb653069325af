//! What a Lease says and who may take it. Pure. Clocks of other machines are never compared: a Lease has ended when this
//! process has seen no change of it for its whole duration.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;

use super::Terms;

/// 2020-01-01. A Lease that is made anew begins to count at the seconds since then, so that an epoch never comes again
/// even where somebody deletes the Lease.
const FIRST_EPOCH: i64 = 1_577_836_800;

/// When this process has last seen the Lease change.
#[derive(Debug, Default)]
pub(super) struct Watched {
    version: Option<String>,
    since: Option<Instant>,
}

impl Watched {
    pub(super) fn see(&mut self, lease: Option<&Lease>, now: Instant) {
        let version = lease.and_then(|lease| lease.metadata.resource_version.clone());
        if self.since.is_none() || self.version != version {
            *self = Self { version, since: Some(now) };
        }
    }
}

/// What to do about a Lease that this process doesn't hold.
#[derive(Debug, PartialEq)]
pub(super) enum Claim {
    Create(Lease),
    Take(Lease),
    Wait,
}

pub(super) fn claim(found: Option<Lease>, watched: &Watched, terms: &Terms, now: Instant, at: Timestamp) -> Claim {
    let seconds = i32::try_from(terms.duration.as_secs().max(1)).unwrap_or(i32::MAX);
    let spec = |transitions: i32| LeaseSpec {
        holder_identity: Some(terms.identity.clone()),
        lease_duration_seconds: Some(seconds),
        lease_transitions: Some(transitions),
        acquire_time: Some(MicroTime(at)),
        renew_time: Some(MicroTime(at)),
        ..LeaseSpec::default()
    };
    let first = i32::try_from(at.as_second().saturating_sub(FIRST_EPOCH)).unwrap_or(i32::MAX).max(1);
    let Some(mut lease) = found else {
        let metadata = ObjectMeta {
            name: Some(terms.name.clone()),
            owner_references: terms.owner.clone().map(|owner| vec![owner]),
            ..ObjectMeta::default()
        };
        return Claim::Create(Lease { metadata, spec: Some(spec(first)) });
    };
    let held = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).is_some_and(|id| !id.is_empty());
    let duration = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds).and_then(|s| u64::try_from(s).ok());
    // A Lease without a duration is waited for as long as one of ours.
    let duration = duration.map_or(terms.duration, Duration::from_secs);
    let ended = watched.since.is_some_and(|since| now.saturating_duration_since(since) >= duration);
    if held && !ended {
        return Claim::Wait;
    }
    let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions);
    lease.spec = Some(spec(transitions.map_or(first, |transitions| transitions.saturating_add(1))));
    Claim::Take(lease)
}

pub(super) fn epoch(lease: &Lease) -> u64 {
    let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions);
    transitions.and_then(|transitions| u64::try_from(transitions).ok()).unwrap_or(0)
}

pub(super) fn is_held(lease: &Lease, identity: &str, of: u64) -> bool {
    let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
    holder == Some(identity) && epoch(lease) == of
}

pub(super) fn renew(lease: &mut Lease, at: Timestamp) {
    if let Some(spec) = &mut lease.spec {
        spec.renew_time = Some(MicroTime(at));
    }
}

pub(super) fn release(lease: &mut Lease, at: Timestamp) {
    if let Some(spec) = &mut lease.spec {
        spec.holder_identity = None;
        spec.renew_time = Some(MicroTime(at));
        spec.lease_duration_seconds = Some(1);
    }
}
