//! Whether the proxies that serve a route have the credentials that they should. None: nothing is known yet.

use std::collections::BTreeSet;

use lambdaroute_crds::condition::{ConditionType, Reason};

use super::judgement::{Judgement, State};
use super::{Facts, was};
use crate::principal::without_session;

pub(super) fn credentials(facts: &Facts<'_>) -> Option<Judgement> {
    let identities = facts.identities;
    let wrong: BTreeSet<String> =
        identities.arns.iter().filter(|arn| !facts.principal.is(arn)).map(|arn| without_session(arn)).collect();
    if !wrong.is_empty() {
        let wrong: Vec<String> = wrong.into_iter().collect();
        let message = format!(
            "proxies have the credentials of {}, but the permission statements name {}: give the proxies' ServiceAccount that \
             role (IRSA or Pod Identity; without either, Pods have their node's role), or change --proxy-principal \
             (proxyPrincipal in the chart)",
            wrong.join(", "),
            facts.principal
        );
        return Some(Judgement::no(Reason::WrongPrincipal, message));
    }
    let some = !identities.arns.is_empty();
    if let Some(why) = identities.missing.first() {
        let none = identities.unidentified.is_empty() && !some;
        let which = if none { "the proxies" } else { "some of the proxies that serve the route" };
        return Some(Judgement::no(
            Reason::Unavailable,
            format!(
                "{which} have no AWS credentials, and calls by them fail ({why}): give their ServiceAccount a role (IRSA or \
                 Pod Identity); their logs say more"
            ),
        ));
    }
    if let Some(why) = identities.unidentified.first() {
        let which = if some { "some of the proxies that serve the route" } else { "the proxies" };
        return Some(Judgement::new(
            State::Unknown,
            Reason::Unidentified,
            format!(
                "{which} have AWS credentials and sign calls with them, but whose they are can't be told ({why}): let the \
                 proxies reach STS"
            ),
        ));
    }
    if some {
        let message = "the proxies have the credentials that the permission statements name";
        return Some(Judgement::yes(Reason::Valid, message));
    }
    // A new leader hasn't heard them yet: what they said to the one before goes on.
    if was(facts.route, ConditionType::CredentialsReady, Reason::Valid) {
        return None;
    }
    Some(Judgement::new(State::Unknown, Reason::Unknown, "no proxy has said who it is"))
}
