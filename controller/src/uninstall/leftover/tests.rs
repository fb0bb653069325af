//! What is said of what is left.

use super::*;
use crate::observation::{FunctionState, UrlConfig, UrlSettings};
use crate::policy::Policy;

const SID: &str = "lr1-c1-0123456789ab-0123456789ab-url";

fn target(qualifier: &str) -> FunctionTarget {
    FunctionTarget::parse_arn(&format!("arn:aws:lambda:eu-west-1:111122223333:function:orders{qualifier}")).unwrap()
}

fn observed() -> Observation {
    let url = UrlConfig {
        url: "https://a.lambda-url.eu-west-1.on.aws/".into(),
        creation_time: "2026-11-21T09:30:00Z".into(),
        settings: UrlSettings::usual(),
    };
    Observation { function: FunctionState::Exists, url: Some(url), policy: Policy::default() }
}

fn of(taken: &Taken, qualifier: &str) -> Option<Leftover> {
    Leftover::of(&target(qualifier), taken, None, &"c1".parse().unwrap())
}

#[test]
fn nothing_is_left_where_nothing_is_to_be_done() {
    assert_eq!(of(&Taken { observed: Some(observed()), ..Taken::default() }, ""), None);
    // Somebody else's statement to repair is no leftover of this.
    let failures = vec![AwsError::late("lambda:AddPermission")];
    assert_eq!(of(&Taken { observed: Some(observed()), failures, ..Taken::default() }, ""), None);
}

#[test]
fn each_thing_that_is_left_has_its_command() {
    let left = vec![
        Step::DeleteFunctionUrlConfig { target: target(":PROD") },
        Step::RemovePermission { target: target(":PROD"), sid: SID.parse().unwrap() },
    ];
    let failures = vec![AwsError::late("lambda:DeleteFunctionUrlConfig"), AwsError::late("lambda:RemovePermission")];
    let leftover = of(&Taken { observed: Some(observed()), left, failures, ..Taken::default() }, ":PROD").unwrap();
    let place = "--region eu-west-1 --function-name orders --qualifier PROD";
    assert_eq!(
        leftover.lines(),
        [
            format!("https://a.lambda-url.eu-west-1.on.aws/: aws lambda delete-function-url-config {place}"),
            format!("{SID}: aws lambda remove-permission {place} --statement-id {SID}"),
        ]
    );
    for operation in ["lambda:DeleteFunctionUrlConfig", "lambda:RemovePermission"] {
        assert!(leftover.why.contains(&format!("{operation} failed")), "{}", leftover.why);
    }
}

#[test]
fn a_url_that_is_not_to_be_deleted_is_no_leftover() {
    let left = vec![Step::RemovePermission { target: target(""), sid: SID.parse().unwrap() }];
    let leftover = of(&Taken { observed: Some(observed()), left, ..Taken::default() }, "").unwrap();
    assert_eq!((leftover.url, leftover.statements), (None, Statements::Named(vec![SID.to_owned()])));
    assert_eq!(leftover.why, "the time limit came first");
}

#[test]
fn where_nobody_could_look_the_status_and_the_cluster_id_say_what_may_be_there() {
    let entry = |ownership| Target {
        function_arn: target("").arn(),
        function_url: Some("https://a.lambda-url.eu-west-1.on.aws/".into()),
        state: lambdaroute_crds::TargetState::Active,
        created_at: None,
        ownership: Some(ownership),
        settings_digest: None,
        permissions: vec![],
        last_sync_time: None,
    };
    let unseen =
        |entry: &Target| Leftover::of(&target(""), &Taken::default(), Some(entry), &"c1".parse().unwrap()).unwrap();
    let ours = unseen(&entry(Ownership::Created));
    let [url, statements] = &ours.lines()[..] else { panic!("{:?}", ours.lines()) };
    assert!(url.starts_with("https://a.lambda-url.eu-west-1.on.aws/: aws lambda delete-function-url-config"), "{url}");
    assert!(statements.starts_with(&format!("lr1-c1-{}-*", target("").hash())), "{statements}");
    let adopted = unseen(&entry(Ownership::Adopted));
    assert_eq!(adopted.url, None, "nobody is told to delete somebody else's");
}
