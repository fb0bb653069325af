//! What a manifest asks for, and whether it can be carried out. Pure. A refusal names the field and the remedy.

use kube::ResourceExt;
use lambdaroute_crds::condition::Reason;
use lambdaroute_crds::{AuthType, FunctionUrlManagement, LambdaRoute, Permission, TargetState};

use crate::access::{Access, Place};
use crate::access_policy::{AccessPolicies, Demands, NamespaceRights, Verdict};
use crate::demand::Demand;
use crate::intent::{MOST_TARGETS, recorded};
use crate::service;
use crate::target::{self, Defaults, FunctionTarget};
use crate::watch::UNREADABLE;

/// What holds for all routes.
#[derive(Clone, Debug, Default)]
pub struct Installation {
    /// None until STS has said who the controller is.
    pub defaults: Option<Defaults>,
    /// Who may expose what, as the platform team says. None at all, unless they are given.
    pub access_policies: AccessPolicies,
    /// The issuer of the cluster's ServiceAccount tokens, where it is known: the API server's own audience.
    pub cluster_issuer: Option<String>,
}

/// Whose the Service of the route's name is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceClaim {
    /// Not looked at yet.
    #[default]
    Unknown,
    /// The route's own.
    Ours,
    /// Somebody else's: it is never touched.
    Taken,
}

/// Why a manifest isn't carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason of `Accepted`.
    pub reason: Reason,
    /// The field and the remedy.
    pub message: String,
}

/// A manifest, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Where it leads; none if it leads nowhere, or the controller doesn't know its own account yet.
    pub target: Option<FunctionTarget>,
    /// What AWS is to be.
    pub demand: Demand,
    /// Who may call, how much, and with which headers.
    pub access: Access,
    /// Why it isn't carried out.
    pub refused: Option<Refused>,
    /// What its namespace may do, also with functions that the manifest doesn't name any more.
    pub rights: NamespaceRights,
}

impl Assessment {
    /// The same, knowing whose the Service is.
    pub fn with_claim(mut self, route: &LambdaRoute, claim: ServiceClaim) -> Self {
        if self.refused.is_none() && claim == ServiceClaim::Taken {
            let name = service::name(route);
            self.refused = Some(Refused {
                reason: Reason::ServiceNameConflict,
                message: format!(
                    "a Service named {name} exists and isn't this LambdaRoute's: delete it, or make the LambdaRoute again \
                     with another spec.service.name"
                ),
            });
        }
        self
    }
}

/// Judges a manifest.
pub fn assess(route: &LambdaRoute, installation: &Installation, service_pin: Option<&str>) -> Assessment {
    let demand = Demand::of(&route.spec);
    let (target, refused) = match (&route.spec.function, &installation.defaults) {
        (None, _) => (None, Some(refuse(Reason::InvalidSpec, "spec.function is required"))),
        (Some(_), None) => (None, None),
        (Some(function), Some(defaults)) => {
            match target::resolve(function, defaults, pin(route, service_pin).as_ref()) {
                Ok(target) => (Some(target), None),
                Err(refusal) => (None, Some(refuse(refusal.reason(), &refusal.to_string()))),
            }
        }
    };
    let rights = NamespaceRights::new(installation.access_policies.clone(), route.namespace().unwrap_or_default());
    let verdict = target.as_ref().map(|target| rights.judge(target, demands(&demand)));
    // Nothing new is begun before the policies' word is known, and nothing that runs is taken away.
    let target = target.filter(|_| verdict != Some(Verdict::Unknown));
    let access = judge_access(route, installation);
    let refused = unreadable(route)
        .or_else(|| unsupported(route))
        .or(refused)
        .or_else(|| bad_name(route))
        .or_else(|| service::additions::judge(route).err().map(|message| refuse(Reason::InvalidSpec, &message)))
        .or_else(|| access.as_ref().err().cloned())
        .or_else(|| demand.judge().err().map(|message| refuse(Reason::InvalidSpec, &message)))
        .or_else(|| not_permitted(route, target.as_ref()?, verdict?))
        .or_else(|| no_room(route, target.as_ref()?));
    Assessment { target, demand, access: Access::of(&route.spec), refused, rights }
}

/// What a manifest demands of the platform team besides ordinary use.
fn demands(demand: &Demand) -> Demands {
    Demands {
        public_url: demand.auth_type == Some(AuthType::None),
        adopt: demand.management == FunctionUrlManagement::Adopt,
        grants: demand.lets_others_in(),
    }
}

/// Where nothing is recorded nothing is written in AWS, and more than the schema allows can't be recorded.
fn no_room(route: &LambdaRoute, target: &FunctionTarget) -> Option<Refused> {
    let (recorded, arn) = (recorded(route), target.arn());
    if recorded.len() < MOST_TARGETS || recorded.iter().any(|entry| entry.function_arn == arn) {
        return None;
    }
    let message = format!(
        "spec.function.qualifier: the route has {} targets in status.targets, the most that it can have, and {arn} is none of \
         them: lead it back to one of those, so that it leaves the others, or wait until AWS lets go of those that it is leaving",
        recorded.len()
    );
    Some(refuse(Reason::UnsupportedValue, &message))
}

/// Names the manifest's own field, function and namespace: nothing of the policies or of anybody else's routes.
fn not_permitted(route: &LambdaRoute, target: &FunctionTarget, verdict: Verdict) -> Option<Refused> {
    let namespace = route.namespace().unwrap_or_default();
    let (field, permission) = match verdict {
        Verdict::Permitted | Verdict::Unknown => return None,
        Verdict::Denied => {
            let message = format!(
                "spec.function: the namespace {namespace} may not use {target}: a LambdaAccessPolicy must name both"
            );
            return Some(refuse(Reason::NotPermitted, &message));
        }
        Verdict::Lacks(permission) => match permission {
            Permission::PublicURL => {
                ("spec.upstream.functionURL.authType NONE, which makes the function public", permission)
            }
            Permission::Adopt => {
                ("spec.upstream.functionURL.management Adopt, which takes over a function URL that exists", permission)
            }
            Permission::Grants => ("spec.permissions.grants, which let others call the function", permission),
            Permission::CrossAccount => ("spec.function, which is in another account", permission),
        },
    };
    let message = format!(
        "{field}: the namespace {namespace} needs a LambdaAccessPolicy that allows {} for {target}",
        permission.as_str()
    );
    Some(refuse(Reason::NotPermitted, &message))
}

/// The access fields of a manifest, if it can be read and they can be carried out: what may be served where nothing better is
/// known.
///
/// # Errors
/// [`Refused`].
pub fn judge_access(route: &LambdaRoute, installation: &Installation) -> Result<Access, Refused> {
    if let Some(refused) = unreadable(route).or_else(|| unsupported(route)) {
        return Err(refused);
    }
    let access = Access::of(&route.spec);
    let url = route.spec.upstream.as_ref().and_then(|upstream| upstream.function_url.as_ref());
    let auth_type = url.and_then(|url| url.auth_type).unwrap_or_default();
    match access.judge(auth_type, &place(route), installation.cluster_issuer.as_deref()) {
        Ok(()) => Ok(access),
        Err(message) => Err(refuse(Reason::InvalidSpec, &message)),
    }
}

/// What the defaults of a route's access fields are made of.
pub fn place(route: &LambdaRoute) -> Place {
    Place {
        uid: route.uid().unwrap_or_default(),
        namespace: route.namespace().unwrap_or_default(),
        service: service::name(route),
    }
}

fn refuse(reason: Reason, message: &str) -> Refused {
    Refused { reason, message: message.to_owned() }
}

fn unreadable(route: &LambdaRoute) -> Option<Refused> {
    let error = route.metadata.annotations.as_ref()?.get(UNREADABLE)?;
    Some(refuse(Reason::InvalidSpec, &format!("spec can't be read: {error}")))
}

fn unsupported(route: &LambdaRoute) -> Option<Refused> {
    let field = route.spec.unsupported()?;
    Some(refuse(Reason::UnsupportedValue, &format!("{field} isn't supported by this version: remove it")))
}

/// A Service's name is a DNS label that begins with a letter (RFC 1035).
fn bad_name(route: &LambdaRoute) -> Option<Refused> {
    let name = service::name(route);
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    let last = !name.ends_with('-');
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (!(first && last && plain && name.len() <= 63))
        .then(|| refuse(Reason::InvalidSpec, &format!("{name:?} can't be a Service's name: give spec.service.name")))
}

/// The target that the route was brought to before. Status, which the controller alone writes, goes before the Service's
/// annotation, which can only ever make a route stand still.
fn pin(route: &LambdaRoute, service_pin: Option<&str>) -> Option<FunctionTarget> {
    let recorded = route.status.iter().flat_map(|status| &status.targets);
    let mut recorded: Vec<_> = recorded.collect();
    recorded.sort_by_key(|target| target.state != TargetState::Active);
    recorded
        .iter()
        .find_map(|target| FunctionTarget::parse_arn(&target.function_arn))
        .or_else(|| FunctionTarget::parse_arn(service_pin?))
}

#[cfg(test)]
mod tests;
