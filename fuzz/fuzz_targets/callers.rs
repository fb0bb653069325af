//! Any API key and any Authorization, at any time: nobody is recognised but by the key, or by the tokens that the issuer
//! signed, to the byte and while they are valid. The corpus has those tokens; what they are signed with was thrown away.
#![no_main]

use std::cell::LazyCell;

use http::{HeaderMap, HeaderValue};
use lambdaroute_proxy::internals::Callers;
use libfuzzer_sys::fuzz_target;

const KEY: &str = "a key of 20 characters";
const EXPIRES: u64 = 1_800_003_600;
const LEEWAY: u64 = 60;
const JWKS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","x":"1kFm_5Cv_dzAuiXa5gRUIwlpMo3PU5gumawKOvxYgO0"}]}"#;
const TOKENS: [&str; 2] = [
    "eyJhbGciOiJFZERTQSIsImtpZCI6Im9uZSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoib3JkZXJzIiwic3ViIjoiYWxpY2UiLCJleHAiOjE4MDAwMDM2MDB9.QJ2WN1_wTEqCGzjD6s96VcWQfMwUa5Bb5HHAoZJ0K6rs7fwpI1q9r8PuxjjJz9ANGUewExrk4CEhII5MUiI4CQ",
    "eyJhbGciOiJFZERTQSIsImtpZCI6Im9uZSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbIm9yZGVycyJdLCJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6c2hvcDpvcmRlcnMiLCJleHAiOjE4MDAwMDM2MDAsImt1YmVybmV0ZXMuaW8iOnsibmFtZXNwYWNlIjoic2hvcCIsInNlcnZpY2VhY2NvdW50Ijp7Im5hbWUiOiJvcmRlcnMifX19.hHc8wu2ATK5FFAeRyrpTK61rYt0zEnC3AGmbnPzGyHUF75Lg3MDt8PBoA6mwq54V31k7sedTeU2ElBHiOK6HAg",
];

thread_local! {
    static CALLERS: LazyCell<Callers> =
        LazyCell::new(|| Callers::new(KEY, "https://issuer.example", "orders", JWKS).unwrap());
}

// An API key, a line feed, and an Authorization; a zero byte parts each from a second one.
fuzz_target!(|input: &[u8]| {
    let (keys, authorizations) = input.split_at(input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len()));
    let mut headers = HeaderMap::new();
    for (name, values) in [("x-api-key", keys), ("authorization", authorizations.get(1..).unwrap_or_default())] {
        for value in values.split(|byte| *byte == 0).filter(|value| !value.is_empty()) {
            let Ok(value) = HeaderValue::from_bytes(value) else { return };
            headers.append(name, value);
        }
    }
    for now in [0, EXPIRES - 1, EXPIRES + LEEWAY] {
        match CALLERS.with(|callers| callers.recognise(&headers, now)).as_deref() {
            Some("key") => assert_eq!(headers["x-api-key"], KEY),
            Some(_) => {
                let authorization = headers["authorization"].to_str().unwrap();
                let (scheme, token) = authorization.split_once(' ').unwrap();
                assert!(scheme.eq_ignore_ascii_case("bearer") && TOKENS.contains(&token.trim()), "{authorization}");
                assert!(now < EXPIRES + LEEWAY, "it has expired");
            }
            None => {}
        }
    }
});
