//! Principals and the identities that STS tells.

use super::*;

fn principal(arn: &str) -> ProxyPrincipal {
    arn.parse().unwrap()
}

#[test]
fn an_assumed_role_is_its_role_whatever_its_path() {
    let role = principal("arn:aws:iam::111122223333:role/platform/lambdaroute-proxy");
    assert!(role.is("arn:aws:sts::111122223333:assumed-role/lambdaroute-proxy/i-0123"));
    assert!(!role.is("arn:aws:sts::111122223333:assumed-role/lambdaroute-proxy-2/i-0123"));
    assert!(!role.is("arn:aws:sts::444455556666:assumed-role/lambdaroute-proxy/i-0123"));
    assert!(!role.is("arn:aws:iam::111122223333:role/platform/lambdaroute-proxy"));
}

#[test]
fn a_user_is_itself() {
    let user = principal("arn:aws:iam::111122223333:user/proxy");
    assert!(user.is("arn:aws:iam::111122223333:user/proxy"));
    assert!(!user.is("arn:aws:sts::111122223333:assumed-role/proxy/session"));
}

#[test]
fn whoever_is_no_role_or_user_is_refused_at_the_start() {
    for text in [
        "*",
        "",
        "111122223333",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::1111:role/a",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:iam::111122223333:role/*",
        "arn:aws:iam::111122223333:group/a",
        "arn:aws:sts::111122223333:assumed-role/a/b",
        "arn:aws:iam::111122223333:role/a b",
        "lambda.amazonaws.com",
    ] {
        assert!(text.parse::<ProxyPrincipal>().is_err(), "{text}");
    }
}
