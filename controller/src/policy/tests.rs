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
        Grant::pair(ROLE, AuthType::AwsIam).iter().map(|grant| grant.statement(None, FUNCTION)).collect();
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
    assert!(!found.same_grant(&Grant::pair(ROLE, AuthType::AwsIam)[0].statement(None, FUNCTION)));
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
            hashes.extend(Grant::pair(principal, auth_type).map(|grant| grant.hash()));
        }
    }
    assert_eq!(hashes.len(), 6, "two auth types share the `fn` half");
}
