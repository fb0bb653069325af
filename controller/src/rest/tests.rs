//! What a new leader believes.

use lambdaroute_crds::InvokeMode;

use super::*;
use crate::demand::Demand;
use crate::intent::key;
use crate::observation::UrlSettings;

const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
fn usual() -> Demand {
    Demand::exactly(&UrlSettings::usual())
}

fn target() -> FunctionTarget {
    FunctionTarget::parse_arn(ARN).unwrap()
}

fn settings(principal: &str) -> Settings {
    Settings { cluster: "c1".parse().unwrap(), principal: principal.parse().unwrap() }
}

fn digest() -> String {
    settings_digest(&settings("arn:aws:iam::111122223333:role/proxies"))
}

fn route() -> LambdaRoute {
    let digest = digest();
    serde_yaml_ng::from_str(&format!(
        "
apiVersion: lambdaroute.dev/v1alpha1
kind: LambdaRoute
metadata: {{name: orders, namespace: shop, uid: u1, generation: 3}}
spec: {{function: {{name: orders}}}}
status:
  observedGeneration: 3
  targets:
    - {{functionARN: '{ARN}', state: Active, settingsDigest: '{digest}', lastSyncTime: '2026-11-21T09:30:00Z'}}
  conditions:
    - {{type: FunctionURLReady, status: 'True', reason: Synced, message: '', observedGeneration: 3,
        lastTransitionTime: '2026-11-21T09:30:00Z'}}
    - {{type: PermissionsReady, status: 'True', reason: Synced, message: '', observedGeneration: 3,
        lastTransitionTime: '2026-11-21T09:30:00Z'}}
"
    ))
    .unwrap()
}

fn wants(route: &LambdaRoute) -> RouteOnTarget {
    let intent = Intent::Wants { demand: usual(), programmed: Some(usual()), finalizer: true };
    RouteOnTarget { route: key(route), intent, recorded: None }
}

fn look(route: &LambdaRoute, on_target: &RouteOnTarget) -> Option<Timestamp> {
    last_look(&target(), [(route, on_target)], &digest())
}

#[test]
fn a_steady_route_needs_no_look_after_a_change_of_leader() {
    let route = route();
    let looked = look(&route, &wants(&route)).unwrap();
    assert_eq!(looked.to_string(), "2026-11-21T09:30:00Z");
}

#[test]
fn anything_that_may_be_other_than_it_was_needs_one() {
    type Spoil = fn(&mut LambdaRoute);
    let spoilt: [(&str, Spoil); 7] = [
        ("a new manifest", |route| route.metadata.generation = Some(4)),
        ("no status", |route| route.status = None),
        ("a condition that is false", |route| {
            route.status.as_mut().unwrap().conditions[1].status = "False".into();
        }),
        ("a condition that is missing", |route| drop(route.status.as_mut().unwrap().conditions.pop())),
        ("another target", |route| route.status.as_mut().unwrap().targets[0].function_arn.push_str(":PROD")),
        ("no look at all", |route| route.status.as_mut().unwrap().targets[0].last_sync_time = None),
        ("a status of a version without digests", |route| {
            route.status.as_mut().unwrap().targets[0].settings_digest = None;
        }),
    ];
    for (what, spoil) in spoilt {
        let mut route = route();
        spoil(&mut route);
        assert_eq!(look(&route, &wants(&route)), None, "{what}");
    }
}

#[test]
fn what_is_not_programmed_or_is_being_taken_back_needs_one() {
    let route = route();
    let other = Demand { invoke_mode: Some(InvokeMode::ResponseStream), ..usual() };
    let granted = Demand {
        grants: [crate::demand::NamedGrant { name: "a".into(), grantee: crate::policy::Grantee::of("444455556666") }]
            .into(),
        ..usual()
    };
    for intent in [
        Intent::Releases,
        Intent::Wants { demand: usual(), programmed: None, finalizer: true },
        Intent::Wants { demand: other, programmed: Some(usual()), finalizer: true },
        Intent::Wants { demand: granted, programmed: Some(usual()), finalizer: true },
        Intent::Wants { demand: usual(), programmed: Some(usual()), finalizer: false },
    ] {
        let on_target = RouteOnTarget { intent: intent.clone(), ..wants(&route) };
        assert_eq!(look(&route, &on_target), None, "{intent:?}");
    }
}

#[test]
fn one_route_that_needs_a_look_is_enough_and_the_latest_look_counts() {
    let (one, mut two) = (route(), route());
    two.status.as_mut().unwrap().targets[0].last_sync_time.as_mut().unwrap().0 =
        "2026-11-21T10:00:00Z".parse().unwrap();
    let (on_one, on_two) = (wants(&one), wants(&two));
    let last = last_look(&target(), [(&one, &on_one), (&two, &on_two)], &digest());
    assert_eq!(last, Some("2026-11-21T10:00:00Z".parse().unwrap()));
    two.metadata.generation = Some(9);
    assert_eq!(last_look(&target(), [(&one, &on_one), (&two, &on_two)], &digest()), None);
}

#[test]
fn a_suspended_route_asks_for_nothing() {
    let (one, mut two) = (route(), route());
    two.status = None;
    let suspended = RouteOnTarget { intent: Intent::Keeps { programmed: Some(usual()), repair: false }, ..wants(&two) };
    assert!(last_look(&target(), [(&one, &wants(&one)), (&two, &suspended)], &digest()).is_some());
}

#[test]
fn another_principal_or_cluster_id_makes_every_target_due() {
    let route = route();
    let on_target = wants(&route);
    for other in [
        settings("arn:aws:iam::111122223333:role/others"),
        Settings { cluster: "c2".parse().unwrap(), ..settings("arn:aws:iam::111122223333:role/proxies") },
    ] {
        assert_eq!(last_look(&target(), [(&route, &on_target)], &settings_digest(&other)), None);
    }
}

#[test]
fn a_look_that_was_asked_for_is_made_once() {
    let mut route = route();
    route.annotations_mut().insert(RECONCILE_AT.into(), "now".into());
    assert!(asks(&route));
    assert_eq!(look(&route, &wants(&route)), None);
    route.status.as_mut().unwrap().last_handled_reconcile_at = Some("now".into());
    assert!(look(&route, &wants(&route)).is_some());
    route.annotations_mut().insert(RECONCILE_AT.into(), "x".repeat(1000));
    assert!(asks(&route));
    assert_eq!(asked(&route).map(|text| text.len()), Some(71), "status has no room for it");
}
