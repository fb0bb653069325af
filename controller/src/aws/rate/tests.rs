//! What `--aws-rate` takes.

use super::*;

#[test]
fn the_default_is_within_what_aws_allows() {
    let rate: AwsRate = DEFAULT.parse().expect("it is one");
    assert_eq!(rate, AwsRate::default());
    assert_eq!(rate.to_string(), DEFAULT);
    assert_eq!(Budget::ALL.map(|budget| rate.of(budget)), [10, 10, 50]);
}

#[test]
fn what_is_not_named_keeps_its_default() {
    let rate: AwsRate = "get-policy=3".parse().expect("it is one");
    assert_eq!(Budget::ALL.map(|budget| rate.of(budget)), [10, 3, 50]);
}

#[test]
fn what_is_no_rate_is_refused_with_words() {
    for (text, words) in [
        ("", "is not NAME=NUMBER"),
        ("10", "is not NAME=NUMBER"),
        ("control-plane=10,", "is not NAME=NUMBER"),
        ("getPolicy=1", "is none of control-plane"),
        ("get-policy=0", "get-policy must be from 1 to 10000"),
        ("get-policy=10001", "must be from 1"),
        ("get-function=1.5", "in whole numbers, not \"1.5\""),
        ("get-function=1,get-function=2", "get-function is given twice"),
    ] {
        let said = text.parse::<AwsRate>().expect_err(text).to_string();
        assert!(said.contains(words), "{text}: {said}");
    }
}

#[test]
fn every_other_operation_shares_the_control_planes_budget() {
    assert_eq!(Budget::of("lambda:GetPolicy"), Budget::GetPolicy);
    assert_eq!(Budget::of("lambda:GetFunction"), Budget::GetFunction);
    for operation in ["lambda:GetFunctionUrlConfig", "lambda:AddPermission", "lambda:DeleteFunctionUrlConfig"] {
        assert_eq!(Budget::of(operation), Budget::ControlPlane);
    }
}
