//! Which changes take rights away. A proxy that hasn't acknowledged such a change in time leaves the slices of every route that
//! it concerns, even if it was the last. What can't be proven to only add rights counts as one that takes some away.

mod callers;
mod keys;

use std::time::Instant;

use lambdaroute_proxy_config::feature;
use lambdaroute_proxy_config::v1alpha1::{AuthType, Route, Version, route::Upstream};

pub(super) use keys::only_adds;

/// What of a served version decides whether a later one is tighter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Auth {
    /// The proxy signs: AWS checks.
    AwsIam,
    /// Forwarded unsigned: the looser one.
    None,
}

impl Auth {
    /// Of a route; what isn't known counts as signed.
    pub fn of(route: &Route) -> Self {
        match &route.upstream {
            Some(Upstream::FunctionUrl(upstream)) if upstream.auth_type == i32::from(AuthType::None) => Auth::None,
            _ => Auth::AwsIam,
        }
    }

    /// As AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Auth::AwsIam => "AWS_IAM",
            Auth::None => "NONE",
        }
    }

    /// The reverse of [`Auth::as_str`]. What can't be read is the looser one, so that a doubt ends closed.
    pub fn read(text: Option<&str>) -> Self {
        if text == Some("AWS_IAM") { Auth::AwsIam } else { Auth::None }
    }

    /// Whether going from `self` to `to` takes a right away.
    pub fn tightens_to(self, to: Auth) -> bool {
        self == Auth::None && to == Auth::AwsIam
    }
}

/// Features that say how to reach the function, or what passes to and fro. Any other one guards a route.
const OPEN: &[&str] = &[
    feature::FUNCTION_URL,
    feature::UNSIGNED,
    feature::RESPONSE_STREAM,
    feature::CORS,
    feature::REQUEST_HEADERS,
    feature::FORWARD_AUTHORIZATION,
    feature::TIMEOUTS,
    feature::MAX_REQUEST_BODY,
];

/// The features that guard a route.
pub(super) fn guards(route: &Route) -> impl Iterator<Item = &String> {
    route.requires.iter().filter(|feature| !OPEN.contains(&feature.as_str()))
}

/// Whether the step from `old` to `new` takes rights away: auth type NONE to AWS_IAM, a guard that the old version didn't have,
/// fewer callers or addresses. (Removing a route is one too; it isn't a step between versions. Keys are the key sets'.)
pub fn is_tightening(old: &Route, new: &Route) -> bool {
    Auth::of(old).tightens_to(Auth::of(new))
        || guards(new).any(|feature| !old.requires.contains(feature))
        || !callers::only_adds(old.auth.as_ref(), new.auth.as_ref())
        || !callers::only_widens(old.source_ranges.as_ref(), new.source_ranges.as_ref())
}

/// A change that takes rights away: who serves an older version after the deadline leaves the slices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tightened {
    pub(super) version: Version,
    pub(super) deadline: Instant,
}

/// Keeps one of the tightenings whose time is over: the last one says all that the others say.
pub(super) fn fold(tightened: &mut Vec<Tightened>, now: Instant) {
    let over = tightened.iter().filter(|t| t.deadline <= now).max_by_key(|t| t.version).copied();
    if let Some(over) = over {
        tightened.retain(|t| t.version > over.version);
        tightened.insert(0, over);
    }
}

/// Whether who serves this version must not be reached any more. None: a version of before this leader.
pub(super) fn is_overdue(tightened: &[Tightened], served: Option<Version>, now: Instant) -> bool {
    tightened.iter().any(|t| t.deadline <= now && served < Some(t.version))
}
