//! The status that a route is left with.

use super::*;
use crate::target::FunctionTarget;

const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";

fn route() -> LambdaRoute {
    let since = "lastTransitionTime: 2026-11-21T09:30:00Z";
    serde_yaml_ng::from_str(&format!(
        "
apiVersion: lambdaroute.dev/v1alpha1
kind: LambdaRoute
metadata: {{name: orders, namespace: shop, uid: u1, generation: 3}}
spec: {{function: {{name: orders}}}}
status:
  observedGeneration: 3
  url: http://orders.shop.svc.cluster.local
  function: orders
  auth: APIKey
  programmedDigest: sha256:00
  targets:
  - functionARN: '{ARN}'
    functionURL: https://a.lambda-url.eu-west-1.on.aws/
    state: Active
    createdAt: '2026-11-21T09:30:00Z'
    ownership: Created
    settingsDigest: '00'
    lastSyncTime: 2026-11-21T09:30:00Z
  conditions:
  - {{type: Accepted, status: 'True', reason: Accepted, message: fine, observedGeneration: 3, {since}}}
  - {{type: CredentialsReady, status: 'True', reason: Valid, message: fine, observedGeneration: 3, {since}}}
  - {{type: FunctionURLReady, status: 'True', reason: Synced, message: fine, observedGeneration: 3, {since}}}
  - {{type: Programmed, status: 'True', reason: Programmed, message: fine, observedGeneration: 3, {since}}}
  - {{type: Ready, status: 'True', reason: Ready, message: fine, observedGeneration: 3, {since}}}
"
    ))
    .unwrap()
}

fn after(end: End) -> LambdaRouteStatus {
    farewell(&route(), &BTreeMap::from([(ARN.to_owned(), end)]), "2026-11-22T09:30:00Z".parse().unwrap())
}

fn types(status: &LambdaRouteStatus) -> Vec<&str> {
    status.conditions.iter().map(|condition| &*condition.type_).collect()
}

fn leftover() -> Leftover {
    Leftover {
        why: "lambda:DeleteFunctionUrlConfig failed: AccessDenied".into(),
        ..Leftover::unseen(&FunctionTarget::parse_arn(ARN).unwrap(), recorded(&route()).first(), &"c1".parse().unwrap())
    }
}

#[test]
fn a_clean_route_is_as_new_but_for_its_address_and_says_why() {
    let status = after(End::Clean);
    assert_eq!((status.observed_generation, &status.targets[..]), (Some(-1), &[][..]));
    assert_eq!((status.programmed_digest.clone(), status.auth.clone()), (None, None), "nothing is served");
    assert_eq!(status.url.as_deref(), Some("http://orders.shop.svc.cluster.local"), "the Service stays");
    assert_eq!(types(&status), ["Ready"]);
    let ready = &status.conditions[0];
    assert_eq!((&*ready.status, &*ready.reason, ready.observed_generation), ("Unknown", "Pending", None));
    assert!(ready.message.ends_with("what it had in AWS is taken back"), "{}", ready.message);
}

#[test]
fn what_is_kept_is_told_as_it_was_last_seen_and_what_proxies_do_is_not() {
    let status = after(End::Kept);
    assert_eq!(status.targets, route().status.unwrap().targets);
    assert_eq!(status.programmed_digest.as_deref(), Some("sha256:00"), "a later install believes the Service by it");
    assert_eq!(types(&status), ["Accepted", "FunctionURLReady", "Ready"]);
    assert!(status.conditions[2].message.ends_with("stays, as the manifest says"), "{:?}", status.conditions);
}

#[test]
fn what_is_left_is_named_and_remembered_but_nothing_that_was_seen_there() {
    let status = after(End::Left(leftover()));
    let [target] = &status.targets[..] else { panic!("{:?}", status.targets) };
    assert_eq!((&*target.function_arn, target.created_at.is_some()), (ARN, true), "whose it was");
    assert_eq!((&target.function_url, &target.last_sync_time, &target.settings_digest), (&None, &None, &None));
    let message = &status.conditions[0].message;
    for part in [ARN, "https://a.lambda-url.eu-west-1.on.aws/", "lr1-c1-"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(!message.contains("AccessDenied"), "AWS's words change with every try: {message}");
}

#[test]
fn a_second_farewell_changes_nothing() {
    for end in [End::Clean, End::Kept, End::Left(leftover())] {
        let once = LambdaRoute { status: Some(after(end.clone())), ..route() };
        let ends = BTreeMap::from([(ARN.to_owned(), end)]);
        let twice = farewell(&once, &ends, "2026-11-23T09:30:00Z".parse().unwrap());
        let ready = |status: &LambdaRouteStatus| status.conditions.last().map(|it| it.last_transition_time.clone());
        assert_eq!(ready(&twice), ready(once.status.as_ref().unwrap()));
        assert_eq!(twice.targets, once.status.unwrap().targets);
    }
}
