//! Events: on change, with what a status must not hold.

use super::*;
use crate::aws::ErrorKind;
use crate::observe::Aspect;

fn route(conditions: &str) -> LambdaRoute {
    serde_yaml_ng::from_str(&format!(
        "{{apiVersion: lambdaroute.dev/v1alpha1, kind: LambdaRoute, metadata: {{name: orders, namespace: shop}},
           spec: {{function: {{name: orders}}}},
           status: {{url: 'http://orders.shop', targets: [{{functionARN: 'arn:f', state: Active}}], conditions: {conditions}}}}}"
    ))
    .unwrap()
}

const DENIED: &str = "[{type: PermissionsReady, status: 'False', reason: AccessDenied, message: m, \
                      lastTransitionTime: '2026-11-21T09:00:00Z'}]";

fn failure() -> Failure {
    Failure {
        aspect: Aspect::Permissions,
        error: AwsError {
            operation: "lambda:AddPermission",
            kind: ErrorKind::Other,
            code: "X".into(),
            message: "AWS's words".into(),
            request_id: Some("1234".into()),
        },
    }
}

#[test]
fn a_failure_is_told_once_with_awss_words_and_the_request_id() {
    let next = route(DENIED).status.unwrap();
    let notices = changes(&route("[]"), &next, Some(&failure()), None);
    assert_eq!(notices.len(), 1);
    assert!(notices[0].warning && notices[0].reason == "AccessDenied");
    assert!(notices[0].note.contains("AWS's words") && notices[0].note.contains("1234"));
    assert_eq!(changes(&route(DENIED), &next, Some(&failure()), None), vec![], "no change, no Event");
}

#[test]
fn becoming_programmed_is_told_with_the_address() {
    let programmed = "[{type: Programmed, status: 'True', reason: Programmed, message: m, lastTransitionTime: '2026-11-21T09:00:00Z'}]";
    let notices = changes(&route("[]"), &route(programmed).status.unwrap(), None, None);
    assert_eq!(notices.len(), 1);
    assert!(!notices[0].warning && notices[0].note.contains("http://orders.shop"));
}

#[test]
fn what_is_left_behind_is_told_by_name() {
    const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
    let left = format!("{{functionARN: '{ARN}', functionURL: 'https://abc.lambda-url.on.aws/', state: Active}}");
    let left: Target = serde_yaml_ng::from_str(&left).unwrap();
    let cluster: ClusterId = "c1".parse().unwrap();
    assert_eq!(left_behind(&left, &cluster, false).reason, "Retained");
    let forced = left_behind(&left, &cluster, true);
    assert!(forced.warning && forced.reason == "LeftBehind");
    let sids = format!("lr1-c1-{}-*", FunctionTarget::parse_arn(ARN).unwrap().hash());
    for name in [ARN, "https://abc.lambda-url.on.aws/", &sids] {
        assert!(forced.note.contains(name), "{}", forced.note);
    }
}

fn target() -> FunctionTarget {
    FunctionTarget::parse_arn("arn:aws:lambda:eu-west-1:111122223333:function:orders").unwrap()
}

fn applied(written: Written, request_id: &str) -> Applied {
    Applied { written, request_id: Some(request_id.to_owned()) }
}

#[test]
fn a_write_is_told_with_awss_request_id() {
    let step = Step::DeleteFunctionUrlConfig { target: target() };
    let notice = done(&step, &applied(Written::UrlDeleted, "r-1")).unwrap();
    assert_eq!((notice.warning, notice.reason), (false, "FunctionURLDeleted"));
    assert!(notice.note.ends_with("DeleteFunctionUrlConfig (request id r-1)"), "{}", notice.note);
}

#[test]
fn a_repair_is_one_event_that_says_all_that_was_changed_back() {
    let sid: Sid = format!("lr1-c1-{}-{}-url", target().hash(), "a".repeat(12)).parse().unwrap();
    let steps = [
        (Step::RemovePermission { target: target(), sid }, applied(Written::StatementRemoved(String::new()), "r-1")),
        (Step::DeleteFunctionUrlConfig { target: target() }, applied(Written::UrlDeleted, "r-2")),
    ];
    let notice = drift_corrected(&target(), &steps).unwrap();
    assert_eq!((notice.warning, notice.reason), (false, "DriftCorrected"));
    for part in ["RemovePermission lr1-c1-", "(request id r-1); DeleteFunctionUrlConfig (request id r-2)"] {
        assert!(notice.note.contains(part), "{}", notice.note);
    }
    assert_eq!(notice.note.matches(&target().arn()).count(), 1, "{}", notice.note);
    assert_eq!(drift_corrected(&target(), &[]), None, "nothing done, nothing told");
}

#[test]
fn an_event_of_the_longest_name_has_a_name_too() {
    assert_eq!(name("orders", 0x1234), "orders.1234");
    let time = 1_795_253_400_123_456_789;
    for long in ["a".repeat(253), format!("{}.b", "a".repeat(235)), format!("{}-{}", "a".repeat(235), "b".repeat(17))] {
        let name = name(&long, time);
        assert!(name.len() <= 253 && name.ends_with(&format!(".{time:x}")), "{name}");
        let parts: Vec<_> = name.split('.').collect();
        assert!(parts.iter().all(|part| !part.is_empty() && !part.ends_with('-')), "{name}");
    }
}
