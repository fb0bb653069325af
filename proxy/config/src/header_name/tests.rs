//! What a manifest may name, and what a message says of the rest.

use super::*;

#[test]
fn headers_of_the_users_own_may_be_named() {
    for name in ["x-api-key", "X-User", "cookie", "content-type", "x_stage", "x-forwarded-authorization", "x-tenant"] {
        assert_eq!(check_header_name(name), Ok(()), "{name}");
    }
}

#[test]
fn what_the_proxy_decides_about_cannot_be_named_in_any_spelling() {
    for name in [
        "host",
        "Authorization",
        "CONNECTION",
        "keep-alive",
        "te",
        "trailer",
        "Transfer-Encoding",
        "transfer_encoding",
        "upgrade",
        "proxy-authorization",
        "content-length",
        "content_length",
        "expect",
        "Forwarded",
        "X-Amz-Date",
        "x_amz_date",
        "x-amzn-trace-id",
        "x-forwarded-for",
        "x_forwarded_host",
        "x-lambdaroute-consumer",
        "X_LambdaRoute-Auth",
        "traceparent",
    ] {
        assert!(matches!(check_header_name(name), Err(HeaderNameError::Reserved { .. })), "{name}");
    }
}

#[test]
fn what_is_no_name_is_told_as_such() {
    let long = "x".repeat(MAX_HEADER_NAME + 1);
    for name in ["", " ", "a b", "a:", "a\n", "é", "(x)", long.as_str()] {
        assert_eq!(check_header_name(name), Err(HeaderNameError::Syntax(name.to_owned())));
    }
}

#[test]
fn the_message_names_the_header_its_owner_and_the_remedy() {
    let message = check_header_name("X-Amz-Date").unwrap_err().to_string();
    assert_eq!(
        message,
        "header \"X-Amz-Date\" can't be named here: x-amz- headers belong to the signature; choose another name"
    );
}
