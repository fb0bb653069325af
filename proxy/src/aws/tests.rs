//! Credentials by what they are for; the arithmetic against the official crate's.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};

use super::SigningKey;
use super::credentials::{CredentialStore, SigningCredentials};
use super::refresh::{back_off, refresh_in};

#[test]
fn a_kept_key_signs_what_the_official_crate_signs() {
    let credentials = SigningCredentials::new(&Credentials::new("A", "secret/+=", None, None, "test")).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_253_400);
    let key = SigningKey::derive(&credentials, time, "eu-west-1", "lambda").unwrap();
    for length in [0, 1, 63, 64, 141, 1000] {
        let text = vec![b'x'; length];
        let theirs = calculate_signature(generate_signing_key("secret/+=", time, "eu-west-1", "lambda"), &text);
        assert_eq!(hex::encode(key.sign(&text)), theirs, "{length} bytes");
    }
}

#[test]
fn credentials_differ_in_generation_even_if_they_hold_the_same_key() {
    let credentials = || SigningCredentials::new(&Credentials::new("A", "secret", None, None, "test")).unwrap();
    let (one, other) = (credentials(), credentials());
    assert!(one.same_key(&other));
    assert_ne!(one.generation, other.generation);
}

#[test]
fn credentials_are_renewed_five_minutes_ahead_or_at_half_of_their_life() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let secs = Duration::from_secs;
    for (left, wait) in [(3600, 3300), (900, 600), (600, 300), (400, 200), (10, 5), (1, 1), (0, 1), (86_400, 3600)] {
        assert_eq!(refresh_in(Some(now + secs(left)), now), secs(wait), "{left} s left");
    }
    assert_eq!(refresh_in(None, now), secs(300));
    assert_eq!(refresh_in(Some(now - secs(5)), now), secs(1));
}

#[test]
fn failures_are_tried_again_ever_slower_up_to_half_a_minute() {
    let waits: Vec<u64> = (1..=7).map(|failures| back_off(failures).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
}

#[test]
fn credentials_are_used_until_they_really_expire() {
    let store = CredentialStore::new();
    let now = SystemTime::now();
    assert!(store.valid_at(now).is_none() && !store.had_any());
    let credentials = |key: &str, expires| {
        SigningCredentials::new(&Credentials::new(key, "secret", None, Some(expires), "test")).unwrap()
    };
    assert!(store.replace(credentials("A", now + Duration::from_secs(1))), "a first key is a change");
    assert!(!store.replace(credentials("A", now + Duration::from_secs(60))), "a later end of the same key is none");
    assert!(store.valid_at(now + Duration::from_secs(59)).is_some());
    assert!(store.valid_at(now + Duration::from_secs(60)).is_none());
    assert!(store.had_any(), "readiness stays when credentials expire");
}
