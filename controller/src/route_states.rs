//! How many routes are in which state, by the conditions of their status. Pure. All words are of the closed lists: one that
//! another version wrote isn't counted.

use std::collections::BTreeMap;

use lambdaroute_crds::LambdaRoute;
use lambdaroute_crds::condition::{ConditionType, Reason, Status};

/// A condition's type, its status and its reason.
pub type RouteState = (ConditionType, Status, Reason);

/// The number of routes in each state that there is. Every route counts once in `Ready`: one without, which nobody has looked
/// at yet, as Unknown and Pending.
pub fn route_states<'a>(routes: impl IntoIterator<Item = &'a LambdaRoute>) -> BTreeMap<RouteState, usize> {
    let mut counted = BTreeMap::new();
    for route in routes {
        let conditions = route.status.iter().flat_map(|status| &status.conditions);
        let mut has_ready = false;
        for condition in conditions {
            let state = (
                ConditionType::ALL.iter().find(|type_| type_.as_str() == condition.type_),
                [Status::True, Status::False, Status::Unknown].iter().find(|it| it.as_str() == condition.status),
                Reason::ALL.iter().find(|reason| reason.as_str() == condition.reason),
            );
            if let (Some(type_), Some(status), Some(reason)) = state {
                has_ready |= *type_ == ConditionType::Ready;
                *counted.entry((*type_, *status, *reason)).or_default() += 1;
            }
        }
        if !has_ready {
            *counted.entry((ConditionType::Ready, Status::Unknown, Reason::Pending)).or_default() += 1;
        }
    }
    counted
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
    use lambdaroute_crds::{LambdaRouteSpec, LambdaRouteStatus};

    use super::*;

    fn route(conditions: &[(&str, &str, &str)]) -> LambdaRoute {
        let conditions = conditions.iter().map(|(type_, status, reason)| Condition {
            type_: (*type_).to_owned(),
            status: (*status).to_owned(),
            reason: (*reason).to_owned(),
            last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
            message: String::new(),
            observed_generation: None,
        });
        let mut route = LambdaRoute::new("orders", LambdaRouteSpec::default());
        route.status = Some(LambdaRouteStatus { conditions: conditions.collect(), ..LambdaRouteStatus::default() });
        route
    }

    #[test]
    fn routes_are_counted_by_what_their_conditions_say() {
        let routes = [
            route(&[("Accepted", "True", "Accepted"), ("Ready", "False", "AccessDenied")]),
            route(&[("Accepted", "True", "Accepted"), ("Ready", "False", "AccessDenied")]),
            route(&[("Accepted", "True", "Accepted"), ("Ready", "True", "Ready")]),
            LambdaRoute::new("unseen", LambdaRouteSpec::default()),
        ];
        let expected = BTreeMap::from([
            ((ConditionType::Accepted, Status::True, Reason::Accepted), 3),
            ((ConditionType::Ready, Status::False, Reason::AccessDenied), 2),
            ((ConditionType::Ready, Status::True, Reason::Ready), 1),
            ((ConditionType::Ready, Status::Unknown, Reason::Pending), 1),
        ]);
        assert_eq!(route_states(&routes), expected);
    }

    #[test]
    fn words_of_another_version_make_no_label() {
        let routes = [route(&[("Ready", "False", "Haunted"), ("Blessed", "True", "Ready")])];
        let expected = BTreeMap::from([((ConditionType::Ready, Status::Unknown, Reason::Pending), 1)]);
        assert_eq!(route_states(&routes), expected);
    }
}
