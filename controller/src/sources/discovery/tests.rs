//! From an issuer to its keys.

use super::*;

#[test]
fn the_document_is_below_the_issuers_path() {
    for (issuer, document) in [
        ("https://idp.example", "https://idp.example/.well-known/openid-configuration"),
        ("https://idp.example/", "https://idp.example/.well-known/openid-configuration"),
        (
            "https://idp.example:8443/realms/shop",
            "https://idp.example:8443/realms/shop/.well-known/openid-configuration",
        ),
    ] {
        assert_eq!(document_url(issuer).unwrap().as_str(), document);
    }
}

#[test]
fn what_is_no_plain_https_url_is_refused() {
    for issuer in [
        "http://idp.example",
        "file:///etc/passwd",
        "https://user:password@idp.example",
        "https://idp.example/#x",
        "https://idp.example/?x=y",
        "idp.example",
        "",
        "https://",
    ] {
        assert_eq!(document_url(issuer), Err(DiscoveryError::Url("the issuer")), "{issuer}");
    }
}

#[test]
fn the_keys_are_where_the_issuers_own_document_says() {
    let document = br#"{"issuer": "https://idp.example", "jwks_uri": "https://keys.example/jwks", "more": [1]}"#;
    assert_eq!(keys_url("https://idp.example", document).unwrap().as_str(), "https://keys.example/jwks");
    assert_eq!(keys_url("https://idp.example/", document), Err(DiscoveryError::OtherIssuer), "exactly equal");
}

#[test]
fn a_document_that_leads_elsewhere_than_to_https_is_refused() {
    for uri in ["http://169.254.169.254/latest/meta-data", "ftp://keys.example", ""] {
        let document = serde_json::json!({"issuer": "https://idp.example", "jwks_uri": uri}).to_string();
        let refused = keys_url("https://idp.example", document.as_bytes());
        assert_eq!(refused, Err(DiscoveryError::Url("jwks_uri of the discovery document")), "{uri}");
    }
    for document in ["", "[]", "{}", r#"{"issuer": 1}"#] {
        assert_eq!(keys_url("https://idp.example", document.as_bytes()), Err(DiscoveryError::Unreadable), "{document}");
    }
}
