//! A policy as AWS keeps it: revisions, sizes, Sids.

use serde_json::{Value, json};

use super::{admits, document, is_statement_id, of_qualifier, revision, sid_there};

const ROLE: &str = "arn:aws:iam::111122223333:role/proxies";
const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";

fn url(principal: Value, auth_type: &str) -> Value {
    json!({"Sid": "u", "Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunctionUrl", "Resource": ARN,
           "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": auth_type}}})
}

fn function(principal: Value) -> Value {
    json!({"Sid": "f", "Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction", "Resource": ARN,
           "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}})
}

#[test]
fn both_statements_admit_and_neither_alone_does() {
    let role = json!({ "AWS": ROLE });
    let pair = [url(role.clone(), "AWS_IAM"), function(role)];
    assert!(admits(&pair, Some(ROLE), "AWS_IAM"));
    assert!(!admits(&pair[..1], Some(ROLE), "AWS_IAM"));
    assert!(!admits(&pair[1..], Some(ROLE), "AWS_IAM"));
}

#[test]
fn statements_for_another_principal_or_another_auth_type_admit_nobody() {
    let role = json!({ "AWS": ROLE });
    let pair = [url(role.clone(), "AWS_IAM"), function(role)];
    assert!(!admits(&pair, Some("arn:aws:iam::111122223333:role/other"), "AWS_IAM"));
    assert!(!admits(&pair, Some(ROLE), "NONE"));
    assert!(!admits(&pair, None, "AWS_IAM"));
    let root = json!({ "AWS": "arn:aws:iam::111122223333:root" });
    assert!(!admits(&[url(root.clone(), "AWS_IAM"), function(root)], Some(ROLE), "AWS_IAM"));
}

#[test]
fn the_public_pair_admits_anybody_under_none() {
    let pair = [url(json!("*"), "NONE"), function(json!("*"))];
    assert!(admits(&pair, None, "NONE"));
    assert!(!admits(&pair[..1], None, "NONE"));
}

#[test]
fn a_qualifier_has_a_policy_of_its_own() {
    let qualified = format!("{ARN}:PROD");
    let mut there = function(json!({"AWS": "111122223333"}));
    there["Sid"] = sid_there("f", Some("PROD")).into();
    there["Resource"] = qualified.clone().into();
    let all = [url(json!("*"), "NONE"), there];
    assert_eq!(of_qualifier(&all, ARN, None), [all[0].clone()]);
    let shown = of_qualifier(&all, &qualified, Some("PROD"));
    assert_eq!(shown[0]["Sid"], "f");
    assert_eq!(shown[0]["Principal"]["AWS"], "arn:aws:iam::111122223333:root");
}

#[test]
fn a_statement_id_has_awss_alphabet() {
    assert!(is_statement_id("lr1-0a1b2c3d_X"));
    for wrong in ["", "example.com", "a b", &"a".repeat(101)] {
        assert!(!is_statement_id(wrong), "{wrong}");
    }
}

#[test]
fn a_revision_changes_with_every_write() {
    let statements = [function(json!("*"))];
    assert_eq!(revision(1, &statements), revision(1, &statements));
    assert_ne!(revision(1, &statements), revision(2, &statements));
    assert_eq!(revision(1, &[]).len(), 36);
    assert!(document(&[]).starts_with('{'));
}
