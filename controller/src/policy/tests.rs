//! Policies as AWS answers them.

use super::*;

const ROLE: &str = "arn:aws:iam::111122223333:role/lambdaroute-proxy";
const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";

#[test]
fn the_pair_of_awss_documentation_is_what_we_want() {
    let policy = r#"{"Version":"2012-10-17","Id":"default","Statement":[
      {"Sid":"a","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/lambdaroute-proxy"},
       "Action":"lambda:InvokeFunctionUrl","Resource":"arn:aws:lambda:eu-west-1:111122223333:function:orders",
       "Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}},
      {"Sid":"b","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/lambdaroute-proxy"},
       "Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:eu-west-1:111122223333:function:orders",
       "Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}]}"#;
    let found = parse(policy).unwrap();
    let wanted: Vec<Statement> =
        Grant::pair(&Grantee::of(ROLE), AuthType::AwsIam).iter().map(|grant| grant.statement(None, FUNCTION)).collect();
    assert_eq!(found.len(), 2);
    assert!(found[0].same_grant(&wanted[0]) && found[1].same_grant(&wanted[1]));
    assert!(!found[0].same_grant(&wanted[1]));
}

#[test]
fn scalars_lists_and_the_case_of_condition_keys_mean_the_same() {
    let one = r#"{"Sid":"a","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"r",
        "Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}"#;
    let other = r#"{"Sid":"a","Effect":"Allow","Principal":{"AWS":["*"]},"Action":["lambda:InvokeFunctionUrl"],
        "Resource":["r"],"Condition":{"StringEquals":{"LAMBDA:functionurlauthtype":["NONE"]}}}"#;
    assert_eq!(parse_statement(one).unwrap(), parse_statement(other).unwrap());
    assert_eq!(parse(&format!(r#"{{"Statement":{one}}}"#)).unwrap().len(), 1);
}

#[test]
fn an_account_is_its_root() {
    let statement = parse_statement(r#"{"Principal":{"AWS":"444455556666"}}"#).unwrap();
    assert_eq!(statement.principals, BTreeSet::from([Principal::Aws("arn:aws:iam::444455556666:root".into())]));
}

#[test]
fn a_deleted_roles_statement_is_stale_and_differs() {
    let policy = r#"{"Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":"AROAEXAMPLEID12345678"},
       "Action":"lambda:InvokeFunctionUrl","Resource":"arn:aws:lambda:eu-west-1:111122223333:function:orders",
       "Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}]}"#;
    let found = parse(policy).unwrap().remove(0);
    assert!(found.principals.first().unwrap().is_stale());
    assert!(!found.same_grant(&Grant::pair(&Grantee::of(ROLE), AuthType::AwsIam)[0].statement(None, FUNCTION)));
}

#[test]
fn a_member_that_would_change_the_meaning_is_never_overlooked() {
    assert!(parse(r#"{"Statement":[{"Sid":"a","NotPrincipal":{"AWS":"x"}}]}"#).is_err());
    assert!(parse(r#"{"Statement":[{"Sid":"a","Action":{"x":1}}]}"#).is_err());
    assert!(parse("not json").is_err());
    assert_eq!(parse(r#"{"Version":"2012-10-17"}"#).unwrap(), vec![]);
}

#[test]
fn the_hash_tells_principal_action_and_auth_type_apart() {
    let mut hashes = BTreeSet::new();
    for principal in [ROLE, "*"] {
        for auth_type in [AuthType::AwsIam, AuthType::None] {
            hashes.extend(Grant::pair(&Grantee::of(principal), auth_type).map(|grant| grant.hash()));
        }
    }
    assert_eq!(hashes.len(), 6, "two auth types share the `fn` half");
}

#[test]
fn conditions_are_part_of_the_statement_and_of_its_hash() {
    let conditions = Conditions {
        source_arn: Some("arn:aws:cloudfront::111122223333:distribution/E1".into()),
        source_account: Some("111122223333".into()),
        principal_org_id: None,
    };
    let cdn = Grantee { principal: "cloudfront.amazonaws.com".into(), conditions };
    let [url, call] = Grant::pair(&cdn, AuthType::AwsIam);
    // As AWS spells it back.
    let found = parse_statement(&format!(
        r#"{{"Sid":"x","Effect":"Allow","Principal":{{"Service":"cloudfront.amazonaws.com"}},
            "Action":"lambda:InvokeFunctionUrl","Resource":"{FUNCTION}","Condition":{{
            "StringEquals":{{"AWS:SourceAccount":"111122223333","lambda:FunctionUrlAuthType":"AWS_IAM"}},
            "ArnLike":{{"AWS:SourceArn":"arn:aws:cloudfront::111122223333:distribution/E1"}}}}}}"#
    ))
    .unwrap();
    assert!(found.same_grant(&url.statement(None, FUNCTION)));
    assert_eq!(
        call.to_string(),
        "lambda:InvokeFunction for cloudfront.amazonaws.com (InvokedViaFunctionUrl true, SourceArn \
         arn:aws:cloudfront::111122223333:distribution/E1, SourceAccount 111122223333)"
    );
    let other = |conditions| Grant { grantee: Grantee { conditions, ..cdn.clone() }, access: url.access };
    let hashes: BTreeSet<String> = [
        url.hash(),
        other(Conditions::default()).hash(),
        other(Conditions { source_account: Some("111122223333".into()), ..Conditions::default() }).hash(),
        other(Conditions { principal_org_id: Some("111122223333".into()), ..Conditions::default() }).hash(),
    ]
    .into();
    assert_eq!(hashes.len(), 4);
}

#[test]
fn a_narrower_statement_of_somebody_else_gives_no_leave() {
    let [url, _] = Grant::pair(&Grantee::of(ROLE), AuthType::AwsIam);
    let with = |condition: &str, resource: &str| Policy {
        statements: parse(&format!(
            r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{ROLE}"}},"Action":"lambda:InvokeFunctionUrl",
                "Resource":"{resource}"{condition}}}]}}"#
        ))
        .unwrap(),
        ..Policy::default()
    };
    let iam = r#","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}"#;
    assert!(with("", FUNCTION).admits(&url, FUNCTION) && with(iam, FUNCTION).admits(&url, FUNCTION));
    let organization = r#","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}"#;
    for condition in [organization, &iam.replace("AWS_IAM", "NONE")] {
        assert!(!with(condition, FUNCTION).admits(&url, FUNCTION), "{condition}");
    }
    assert!(!with("", &format!("{FUNCTION}:PROD")).admits(&url, FUNCTION));
    assert!(!Policy::default().admits(&url, FUNCTION));
}

#[test]
fn a_policy_is_as_large_as_aws_counts_it() {
    let one = r#"{"Sid":"a","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"x","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}"#;
    let other = r#"{"Sid":"b","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"x","Condition":{"StringEquals":{"AWS:SourceAccount":"111122223333"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b"}}}"#;
    let whole = format!(r#"{{"Version":"2012-10-17","Id":"default","Statement":[{one},{other}]}}"#);
    let mut policy = Policy::default();
    for statement in [one, other] {
        policy.add(parse_statement(statement).unwrap());
    }
    assert_eq!(policy.bytes, whole.len());
    policy.remove("b");
    assert_eq!(policy.bytes, whole.len() - other.len() - 1);
    policy.remove("a");
    assert_eq!(policy.bytes, 0, "AWS has no policy without statements");
}
