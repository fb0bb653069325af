//! Credentials by what they are for; the arithmetic against the official crate's.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use tokio::time::Instant;

use super::SigningKey;
use super::credentials::{CredentialStore, Identity, SigningCredentials};
use super::refresh::{back_off, refresh_in, until_needed};
use crate::clock_offset::ClockOffset;

#[test]
fn a_kept_key_signs_what_the_official_crate_signs() {
    let credentials = SigningCredentials::new(&Credentials::new("A", "secret/+=", None, None, "test")).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_253_400);
    let key = SigningKey::derive(&credentials, time, "eu-west-1", "lambda");
    for length in [0, 1, 63, 64, 141, 1000] {
        let text = vec![b'x'; length];
        let theirs = calculate_signature(generate_signing_key("secret/+=", time, "eu-west-1", "lambda"), &text);
        assert_eq!(hex::encode(key.sign(&text).unwrap()), theirs, "{length} bytes");
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

fn of_key(key: &str) -> SigningCredentials {
    SigningCredentials::new(&Credentials::new(key, "secret", None, None, "test")).unwrap()
}

#[tokio::test(start_paused = true)]
async fn credentials_that_aws_calls_expired_are_loaded_once_for_all_who_ask() {
    let store = CredentialStore::new();
    store.replace(of_key("OLD"));
    let old = of_key("OLD");
    let load = async {
        let mut loads = 0;
        loop {
            until_needed(&store, Duration::from_secs(3600), SystemTime::now).await;
            loads += 1;
            store.replace(of_key("NEW"));
            store.loaded();
            tokio::select! {
                biased;
                () = until_needed(&store, Duration::from_secs(3600), SystemTime::now) => loads += 1,
                () = tokio::time::sleep(Duration::from_secs(60)) => return loads,
            }
        }
    };
    tokio::time::advance(Duration::from_secs(1)).await;
    let asking = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        futures::future::join_all((0..3).map(|_| store.other_than(&old))).await
    };
    let (loads, others) = tokio::join!(load, asking);
    assert_eq!(loads, 1);
    assert!(others.into_iter().all(|other| other.is_some_and(|other| other.access_key_id == "NEW")));
    assert!(store.other_than(&old).await.is_some(), "what is there already is not waited for");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_has_nothing_newer_is_not_asked_again_at_once() {
    let store = CredentialStore::new();
    store.replace(of_key("OLD"));
    let (begun, old) = (Instant::now(), of_key("OLD"));
    let (other, ()) = tokio::join!(store.other_than(&old), async {
        tokio::select! {
            () = until_needed(&store, Duration::from_secs(3600), SystemTime::now) => panic!("loaded again within a moment"),
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    });
    assert!(other.is_none());
    assert_eq!(begun.elapsed(), Duration::from_secs(1), "the caller waited for nothing");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_brings_the_next_load_within_a_minute() {
    let store = CredentialStore::new();
    let (begun, start) = (Instant::now(), SystemTime::now());
    // The machine wakes after a night: its timers know nothing of it.
    let clock = || start + Duration::from_secs(if begun.elapsed() >= Duration::from_secs(100) { 30_000 } else { 0 });
    until_needed(&store, Duration::from_secs(3300), clock).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(120));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_stands_does_not_hold_the_next_load() {
    let (begun, start) = (Instant::now(), SystemTime::now());
    until_needed(&CredentialStore::new(), Duration::from_secs(330), || start).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(330));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_finds_no_valid_credentials_has_them_loaded() {
    let store = CredentialStore::new();
    let begun = Instant::now();
    let asking = async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert!(!store.are_valid_at(SystemTime::now()));
    };
    tokio::join!(until_needed(&store, Duration::from_secs(3600), SystemTime::now), asking);
    assert_eq!(begun.elapsed(), Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_came_while_its_load_was_not_told_is_used() {
    let store = CredentialStore::new();
    store.replace(of_key("OLD"));
    let old = of_key("OLD");
    let (other, ()) = tokio::join!(store.other_than(&old), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        store.replace(of_key("NEW"));
    });
    assert!(other.is_some_and(|other| other.access_key_id == "NEW"));
}

#[test]
fn credentials_are_renewed_by_the_clock_that_is_farthest_ahead() {
    let (store, now) = (CredentialStore::new(), SystemTime::now());
    for milliseconds in [-60_000, 600_000, 60_000] {
        store.know_clock(ClockOffset::from_milliseconds(milliseconds));
    }
    assert_eq!(store.latest(now), now + Duration::from_secs(600));
}

#[test]
fn an_sts_that_gives_no_answer_takes_nobodys_identity_for_a_minute_and_nobodys_credentials_ever() {
    let arn = || Identity::Arn("arn:aws:sts::111122223333:assumed-role/proxies/one".to_owned());
    let why = || "sts:GetCallerIdentity gave no answer in 10s".to_owned();
    let secs = Duration::from_secs;
    assert_eq!(arn().after_silence(secs(59), why()), arn(), "the next session of the same role, most likely");
    assert_eq!(arn().after_silence(secs(60), why()), Identity::Unidentified(why()));
    assert_eq!(Identity::Unknown.after_silence(secs(0), why()), Identity::Unidentified(why()));
    let none = Identity::NoCredentials("no role".to_owned());
    assert_eq!(none.after_silence(secs(0), why()), Identity::Unidentified(why()), "there are some now");
}

#[test]
fn credentials_that_are_still_accepted_are_not_told_as_gone() {
    let arn = || Identity::Arn("arn:aws:sts::111122223333:assumed-role/proxies/one".to_owned());
    assert_eq!(arn().after_no_load(true, "no answer".to_owned()), arn());
    assert_eq!(arn().after_no_load(false, "no role".to_owned()), Identity::NoCredentials("no role".to_owned()));
    let store = CredentialStore::new();
    let now = SystemTime::now();
    assert!(!store.holds_valid_at(now));
    let credentials = Credentials::new("A", "secret", None, Some(now + Duration::from_secs(60)), "test");
    store.replace(SigningCredentials::new(&credentials).unwrap());
    assert!(store.holds_valid_at(now) && !store.holds_valid_at(now + Duration::from_secs(60)));
}
