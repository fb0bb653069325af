//! Manifests, resolved.

use lambdaroute_crds::condition::Reason;

use super::*;

fn defaults() -> Defaults {
    Defaults { region: Some("eu-west-1".into()), account_id: "111122223333".into(), partition: "aws".into() }
}

fn function(yaml: &str) -> Function {
    serde_yaml_ng::from_str(yaml).unwrap()
}

fn resolved(yaml: &str) -> Result<String, Reason> {
    resolve(&function(yaml), &defaults(), None).map(|target| target.arn()).map_err(|refusal| refusal.reason())
}

#[test]
fn a_bare_name_takes_the_controllers_region_and_account() {
    assert_eq!(resolved("{name: orders}").unwrap(), "arn:aws:lambda:eu-west-1:111122223333:function:orders");
}

#[test]
fn an_alias_is_part_of_the_target() {
    assert_eq!(
        resolved("{name: orders, region: us-east-1, qualifier: PROD}").unwrap(),
        "arn:aws:lambda:us-east-1:111122223333:function:orders:PROD"
    );
}

#[test]
fn an_arn_says_everything_itself() {
    assert_eq!(
        resolved("{arn: 'arn:aws:lambda:us-east-2:111122223333:function:orders'}").unwrap(),
        "arn:aws:lambda:us-east-2:111122223333:function:orders"
    );
}

#[test]
fn what_cannot_be_carried_out_is_refused_with_its_reason() {
    for (yaml, reason) in [
        ("{}", Reason::InvalidSpec),
        ("{name: orders, arn: 'arn:aws:lambda:eu-west-1:111122223333:function:orders'}", Reason::InvalidSpec),
        ("{arn: 'arn:aws:lambda:eu-west-1:111122223333:function:orders:PROD'}", Reason::InvalidSpec),
        ("{arn: 'arn:aws:s3:::bucket'}", Reason::InvalidSpec),
        ("{name: orders, qualifier: '7'}", Reason::InvalidSpec),
        ("{name: orders, qualifier: $LATEST}", Reason::InvalidSpec),
        ("{name: orders, accountID: '444455556666'}", Reason::UnsupportedValue),
        ("{arn: 'arn:aws:lambda:eu-west-1:444455556666:function:orders'}", Reason::UnsupportedValue),
        ("{arn: 'arn:aws-cn:lambda:cn-north-1:111122223333:function:orders'}", Reason::UnsupportedValue),
        ("{arn: 'arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:orders'}", Reason::UnsupportedValue),
    ] {
        assert_eq!(resolved(yaml), Err(reason), "{yaml}");
    }
}

#[test]
fn without_any_region_the_field_is_asked_for() {
    let defaults = Defaults { region: None, ..defaults() };
    let refusal = resolve(&function("{name: orders}"), &defaults, None).unwrap_err();
    assert_eq!(refusal.reason(), Reason::UnsupportedValue);
    assert!(refusal.to_string().contains("spec.function.region"));
}

#[test]
fn a_changed_default_never_moves_a_pinned_route() {
    let pinned = FunctionTarget::parse_arn("arn:aws:lambda:eu-west-1:111122223333:function:orders:OLD").unwrap();
    let moved = Defaults { region: Some("us-east-1".into()), ..defaults() };
    let refusal = resolve(&function("{name: orders}"), &moved, Some(&pinned)).unwrap_err();
    assert_eq!(refusal.reason(), Reason::TargetChanged);

    let other_account = Defaults { account_id: "444455556666".into(), ..defaults() };
    let refusal = resolve(&function("{name: orders}"), &other_account, Some(&pinned)).unwrap_err();
    assert_eq!(refusal.reason(), Reason::TargetChanged);

    let same = resolve(&function("{name: orders, qualifier: NEW}"), &defaults(), Some(&pinned)).unwrap();
    assert_eq!(same.qualifier.as_deref(), Some("NEW"), "the qualifier may change");
}

#[test]
fn an_arn_survives_the_way_there_and_back() {
    for arn in [
        "arn:aws:lambda:eu-west-1:111122223333:function:orders",
        "arn:aws:lambda:eu-west-1:111122223333:function:orders:PROD",
    ] {
        assert_eq!(FunctionTarget::parse_arn(arn).unwrap().arn(), arn);
    }
    assert_eq!(FunctionTarget::parse_arn("arn:aws:lambda:eu-west-1:111122223333:function:"), None);
    assert_eq!(FunctionTarget::parse_arn("orders"), None);
}
