//! What proxies may have of a document.

use serde_json::json;

use super::*;

fn modulus(bits: usize) -> String {
    URL_SAFE_NO_PAD.encode(vec![0xff; bits / 8])
}

fn kept(keys: Value) -> Value {
    serde_json::from_str(&public(json!({"keys": keys}).to_string().as_bytes()).unwrap()).unwrap()
}

#[test]
fn public_keys_to_verify_with_are_kept_with_what_that_needs() {
    let n = modulus(2048);
    let keys = json!([
        {"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", "n": n, "e": "AQAB", "x5c": ["MII"], "x5t": "a"},
        {"kty": "EC", "kid": "2", "crv": "P-256", "x": "a", "y": "b", "key_ops": ["verify"]},
        {"kty": "OKP", "crv": "Ed25519", "x": "a", "exp": 5},
    ]);
    let expected = json!({"keys": [
        {"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", "n": n, "e": "AQAB"},
        {"kty": "EC", "kid": "2", "crv": "P-256", "x": "a", "y": "b"},
        {"kty": "OKP", "crv": "Ed25519", "x": "a"},
    ]});
    assert_eq!(kept(keys), expected);
}

#[test]
fn symmetric_keys_and_private_members_go_no_further() {
    let keys = json!([
        {"kty": "oct", "kid": "0", "k": "secret"},
        {"kty": "RSA", "n": modulus(2048), "e": "AQAB", "d": "secret", "p": "secret", "q": "secret", "dp": "secret",
         "dq": "secret", "qi": "secret", "oth": [{"r": "secret"}]},
        {"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "d": "secret"},
        {"kty": "OKP", "crv": "Ed25519", "x": "a", "d": "secret"},
    ]);
    let kept = kept(keys);
    assert_eq!(kept["keys"].as_array().unwrap().len(), 3);
    assert!(!kept.to_string().contains("secret"), "{kept}");
}

#[test]
fn keys_that_cannot_verify_or_are_too_weak_are_left_out() {
    let keys = json!([
        {"kty": "RSA", "use": "enc", "n": modulus(2048), "e": "AQAB"},
        {"kty": "RSA", "key_ops": ["encrypt"], "n": modulus(2048), "e": "AQAB"},
        {"kty": "RSA", "n": modulus(1024), "e": "AQAB"},
        {"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([vec![0; 200], vec![0xff; 128]].concat()), "e": "AQAB"},
        {"kty": "RSA", "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": "a"},
        {"kty": "future", "x": "a"},
        {"kid": "1"},
        "text",
    ]);
    assert_eq!(kept(keys), json!({"keys": []}));
}

#[test]
fn an_equal_set_is_an_equal_text() {
    let one = public(br#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "a"}], "more": 1}"#).unwrap();
    let other = public(br#"{ "keys":[ {"x":"a", "exp": 9, "crv":"Ed25519","kty":"OKP"} ] }"#).unwrap();
    assert_eq!((one.as_str(), count(&one)), (other.as_str(), 1));
}

#[test]
fn what_is_no_key_set_is_refused() {
    for document in ["", "[]", "{}", r#"{"keys": {}}"#, "<html>"] {
        assert_eq!(public(document.as_bytes()), Err(JwksError::NotASet), "{document}");
    }
    let many = json!({"keys": vec![json!({}); MAX_KEYS + 1]}).to_string();
    assert_eq!(public(many.as_bytes()), Err(JwksError::TooMany));
}
