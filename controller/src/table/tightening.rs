//! Which changes of a route take rights away. A proxy that hasn't acknowledged such a change in time leaves the route's
//! slices, even if it was the last.

use lambdaroute_proxy_config::feature;
use lambdaroute_proxy_config::v1alpha1::{AuthType, Route, route::Upstream};

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

/// Features that say how to reach the function. Any other one guards a route.
const OPEN: &[&str] = &[feature::FUNCTION_URL, feature::UNSIGNED, feature::RESPONSE_STREAM];

/// Whether the step from `old` to `new` takes rights away: auth type NONE to AWS_IAM, or a guard that the old version
/// didn't have. (Removing a route is one too; it isn't a step between versions.)
pub fn is_tightening(old: &Route, new: &Route) -> bool {
    let guard = |feature: &&String| !OPEN.contains(&feature.as_str()) && !old.requires.contains(feature);
    Auth::of(old).tightens_to(Auth::of(new)) || new.requires.iter().any(|feature| guard(&feature))
}
