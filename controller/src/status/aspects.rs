//! Each aspect for itself. None: nothing is known yet.

use lambdaroute_crds::condition::{ConditionType, Reason};
use lambdaroute_crds::{FunctionUrlManagement, PermissionsManagement};

use super::judgement::{Actor, Judgement};
use super::{Facts, credentials, earlier, failure, lives};
use crate::access::Resolution;
use crate::assess::ServiceClaim;
use crate::contest::Contested;
use crate::intent::{deleting, key};
use crate::observation::FunctionState;
use crate::observe::Aspect;
use crate::plan::{TooLarge, UrlFinding};
use crate::policy::{Grant, Grantee, MAX_BYTES};
use crate::programming::Programming;
use crate::view::TargetView;

/// All aspects, in the order in which they decide `Ready`.
pub(super) fn judge(facts: &Facts<'_>) -> [(ConditionType, Option<Judgement>); 6] {
    [
        (ConditionType::Accepted, accepted(facts)),
        (ConditionType::ResolvedRefs, resolved_refs(facts)),
        (ConditionType::CredentialsReady, credentials::credentials(facts)),
        (ConditionType::FunctionURLReady, function_url(facts)),
        (ConditionType::PermissionsReady, permissions(facts)),
        (ConditionType::Programmed, programmed(facts)),
    ]
}

fn conflicted(facts: &Facts<'_>) -> bool {
    facts.view.is_some_and(|view| view.conflicted.contains(&key(facts.route)))
}

fn accepted(facts: &Facts<'_>) -> Option<Judgement> {
    if let Some(refused) = &facts.assessment.refused {
        return Some(Judgement::no(refused.reason, refused.message.clone()));
    }
    if conflicted(facts) {
        return Some(Judgement::no(
            Reason::Conflicted,
            "other LambdaRoutes of this function want other settings of its URL (authType, invokeMode, cors): agree on one",
        ));
    }
    // What a new leader doesn't know yet was judged by the one before.
    let unknown = |message| earlier(facts, ConditionType::Accepted).is_none().then(|| Judgement::pending(message));
    if facts.assessment.target.is_none() {
        return unknown("the controller doesn't know its AWS account, or the labels of this namespace, yet");
    }
    if facts.claim == ServiceClaim::Unknown && lives(facts.route) {
        return unknown("the Service is not looked at yet");
    }
    Some(Judgement::yes(Reason::Accepted, "the manifest can be carried out"))
}

/// The target's view, as far as this manifest is concerned.
fn view<'a>(facts: &Facts<'a>) -> Option<&'a TargetView> {
    let view = facts.view.filter(|_| facts.assessment.refused.is_none())?;
    // What was found under another manifest says nothing of this one, though nothing may differ in AWS.
    let planned = view.planned.get(&key(facts.route)) == Some(&facts.route.metadata.generation);
    (planned || !lives(facts.route)).then_some(view)
}

fn resolved_refs(facts: &Facts<'_>) -> Option<Judgement> {
    let target = facts.assessment.target.as_ref()?;
    let Some(function) = view(facts).and_then(|view| view.function) else { return known_references(facts) };
    Some(match function {
        FunctionState::Exists => return references(facts.references),
        FunctionState::NotFound => Judgement::no(
            Reason::FunctionNotFound,
            format!("AWS has no function {}: create it; it is looked for again by itself", target.unqualified_arn()),
        ),
        FunctionState::QualifierNotFound => Judgement::no(
            Reason::QualifierNotFound,
            format!(
                "the function {} has no alias {}: create it; it is looked for again by itself",
                target.unqualified_arn(),
                target.qualifier.as_deref().unwrap_or_default()
            ),
        ),
    })
}

/// Where AWS needn't be looked at yet, as under a new leader: what was told of a function that is there follows its references.
fn known_references(facts: &Facts<'_>) -> Option<Judgement> {
    let told = earlier(facts, ConditionType::ResolvedRefs)?;
    let of_the_function = [Reason::FunctionNotFound, Reason::QualifierNotFound, Reason::Pending];
    let exists =
        facts.assessment.refused.is_none() && !of_the_function.iter().any(|reason| reason.as_str() == told.reason);
    if exists { references(facts.references) } else { None }
}

/// What the manifest refers to in Kubernetes and elsewhere.
fn references(resolution: &Resolution) -> Option<Judgement> {
    match resolution {
        Resolution::Unknown => None,
        Resolution::Resolved => Some(Judgement::yes(Reason::ResolvedRefs, "what the manifest refers to exists")),
        Resolution::Unresolved { reason, actor, message } => {
            Some(Judgement { actor: *actor, ..Judgement::no(*reason, message.clone()) })
        }
    }
}

fn failed(facts: &Facts<'_>, aspect: Aspect) -> Option<Judgement> {
    if let Some(error) = facts.identity_failure {
        return (aspect == Aspect::FunctionUrl).then(|| failure::judge(error));
    }
    let failure = facts.view?.failure_for(&key(facts.route)).filter(|failure| failure.aspect == aspect)?;
    Some(failure::judge(&failure.error))
}

fn function_url(facts: &Facts<'_>) -> Option<Judgement> {
    if let Some(judgement) = failed(facts, Aspect::FunctionUrl) {
        return Some(judgement);
    }
    if let Some(judgement) = in_use_elsewhere(facts) {
        return Some(judgement);
    }
    let view = view(facts).filter(|view| view.observed_at.is_some())?;
    if conflicted(facts) {
        return None;
    }
    if view.contested.contains(&Contested::FunctionUrl) {
        return Some(fought_over("the function URL's settings"));
    }
    let demand = &facts.assessment.demand;
    Some(match (&view.finding, &view.url) {
        (UrlFinding::Differs(differences), _) => Judgement::no(
            Reason::AlreadyExists,
            format!(
                "the function has a URL that isn't LambdaRoute's to change, and it differs ({}): {}",
                differences.join("; "),
                match demand.management {
                    FunctionUrlManagement::Observe =>
                        "change spec.upstream.functionURL, or that URL; with management Observe it is only read",
                    FunctionUrlManagement::Managed | FunctionUrlManagement::Adopt =>
                        "change spec.upstream.functionURL, delete that URL, or take it over with management Adopt",
                }
            ),
        ),
        (UrlFinding::Missing, _) => Judgement {
            actor: Actor::You,
            ..Judgement::pending(
                "the function has no URL, and with spec.upstream.functionURL.management Observe LambdaRoute makes none: \
                 create one; it is looked for again by itself",
            )
        },
        (UrlFinding::Agrees, Some(url)) if demand.evaded_by(url.settings.auth_type) => Judgement::no(
            Reason::AlreadyExists,
            "the function's URL has authType NONE, by which anybody gets around spec.auth, spec.rateLimits and \
             spec.sourceRanges: give spec.upstream.functionURL.authType AWS_IAM, or remove them",
        ),
        (UrlFinding::Agrees, Some(_)) if demand.management == FunctionUrlManagement::Observe => {
            Judgement::yes(Reason::Observed, "the function URL is as the manifest says; it is only read")
        }
        (UrlFinding::Agrees, Some(_)) => Judgement::yes(Reason::Synced, "the function URL is as the manifest says"),
        (UrlFinding::Agrees | UrlFinding::Due, _) => Judgement::pending("the function URL isn't made yet"),
    })
}

/// The route took back what is its own, or is about to, and the URL config of our making stays for others.
fn in_use_elsewhere(facts: &Facts<'_>) -> Option<Judgement> {
    let clusters = &facts.view?.in_use_by;
    if clusters.is_empty() || !(deleting(facts.route) || facts.assessment.refused.is_some()) {
        return None;
    }
    let clusters: Vec<String> = clusters.iter().map(ToString::to_string).collect();
    Some(Judgement::no(
        Reason::InUseElsewhere,
        format!(
            "the function URL isn't deleted, though LambdaRoute made it, since statements of other clusters are on the function \
             ({}): delete their routes to it first, or leave the URL to them",
            clusters.join(", ")
        ),
    ))
}

fn permissions(facts: &Facts<'_>) -> Option<Judgement> {
    if let Some(judgement) = failed(facts, Aspect::Permissions) {
        return Some(judgement);
    }
    let view = view(facts).filter(|view| view.observed_at.is_some())?;
    if conflicted(facts) {
        return None;
    }
    let route = key(facts.route);
    let settled = view.settled_for(&route);
    if let Some(TooLarge { bytes, needed }) = view.too_large.filter(|_| !settled) {
        return Some(Judgement::no(
            Reason::PolicyTooLarge,
            format!(
                "the function's policy has {bytes} bytes and would have {needed}, over AWS's {MAX_BYTES}, so what it \
                 lacks isn't added: take grants out of spec.permissions.grants, or statements that nobody needs out of the policy"
            ),
        ));
    }
    let statements: Vec<&str> = view
        .contested
        .iter()
        .filter_map(|contested| match contested {
            Contested::Statement(sid) => Some(sid.as_str()),
            Contested::FunctionUrl => None,
        })
        .collect();
    if !statements.is_empty() && !settled {
        return Some(fought_over(&format!("the permission statements {}", statements.join(", "))));
    }
    // What other routes' manifests let in is no matter of this one.
    let own = |grant: &&Grant| {
        let Grantee { principal, .. } = &grant.grantee;
        principal == "*"
            || principal == facts.principal.arn()
            || facts.assessment.demand.grants.iter().any(|own| own.grantee == grant.grantee)
    };
    let missing: Vec<String> = view.missing.iter().filter(own).map(ToString::to_string).collect();
    let complete = settled && view.finding == UrlFinding::Agrees && view.url.is_some();
    Some(if !complete {
        Judgement::pending("the permission statements aren't complete yet")
    } else if !missing.is_empty() {
        Judgement::no(
            Reason::AccessDenied,
            format!(
                "the function's policy lacks what calls need, and it isn't LambdaRoute's to write here: add {}",
                missing.join("; ")
            ),
        )
    } else if facts.assessment.demand.permissions == PermissionsManagement::Observe {
        Judgement::yes(Reason::Observed, "the policy has what calls need; it is only read")
    } else {
        Judgement::yes(Reason::Synced, "the permission statements are as the manifest says")
    })
}

/// Somebody else keeps changing it back.
fn fought_over(what: &str) -> Judgement {
    Judgement::no(
        Reason::ConflictingManager,
        format!(
            "somebody else (Terraform, a console, another cluster with the same cluster id) keeps changing back {what}: it is \
             repaired more slowly now; let one of the two go"
        ),
    )
}

fn programmed(facts: &Facts<'_>) -> Option<Judgement> {
    if deleting(facts.route) {
        return None;
    }
    let Some(target) = &facts.assessment.target else {
        return earlier(facts, ConditionType::Programmed)
            .is_none()
            .then(|| Judgement::pending("the route isn't given to proxies yet"));
    };
    let arn = target.arn();
    let current = facts.served.filter(|served| {
        served.function_arn == arn
            && facts.assessment.demand.admits(&served.settings())
            && served.access == facts.assessment.access
    });
    match (&facts.programming, current) {
        (None, _) | (_, None) => match facts.served {
            // What was programmed before goes on: no word about this manifest.
            Some(_) => Some(Judgement::pending("proxies serve the route as it was before")),
            None => Some(Judgement::pending("the route isn't given to proxies yet")),
        },
        (Some(programming), Some(_)) => Some(match programming {
            Programming::Believed => return None,
            Programming::Pending => Judgement::pending("proxies haven't answered yet"),
            Programming::NoReadyProxies => Judgement::no(
                Reason::NoReadyProxies,
                "no proxy is connected and ready: look at the Pods of lambdaroute-proxy and their logs",
            ),
            Programming::Refused { detail } => {
                Judgement::no(Reason::Refused, format!("the proxies refuse the route: {detail}"))
            }
            Programming::Programmed => Judgement::yes(Reason::Programmed, "proxies serve the route"),
        }),
    }
}
