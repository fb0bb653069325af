//! When certificates are renewed, and that what is made is found fit again.

use std::time::Duration;

use super::issue;
use super::material::{Material, validity};
use super::renewal::{Facts, Renewal, Validity, what_to_renew};
use super::*;

const DAY: i64 = 86_400;

fn lifetimes() -> Lifetimes {
    Lifetimes {
        leaf: Duration::from_secs(30 * 86_400),
        ca: Duration::from_secs(365 * 86_400),
        propagation: Duration::from_secs(600),
    }
}

fn lasting(from: i64, to: i64) -> Validity {
    Validity { not_before: from, not_after: to }
}

fn healthy() -> Facts {
    Facts { ca: Some(lasting(0, 365 * DAY)), leaf: Some(lasting(0, 30 * DAY)), ..Facts::default() }
}

fn renewal(now: i64, facts: &Facts) -> Option<Renewal> {
    what_to_renew(now, facts, &lifetimes())
}

#[test]
fn nothing_is_renewed_early_and_the_leaf_at_two_thirds() {
    assert_eq!(renewal(19 * DAY, &healthy()), None);
    assert_eq!(renewal(20 * DAY, &healthy()), Some(Renewal::Leaf));
}

#[test]
fn without_a_usable_ca_everything_is_made_anew() {
    assert_eq!(renewal(0, &Facts::default()), Some(Renewal::Everything));
    assert_eq!(renewal(365 * DAY, &healthy()), Some(Renewal::Everything));
}

#[test]
fn a_new_ca_is_trusted_before_it_signs() {
    let leaf = Some(lasting(240 * DAY, 270 * DAY));
    let now = 244 * DAY;
    let facts = Facts { leaf, ..healthy() };
    assert_eq!(renewal(now, &facts), Some(Renewal::NextCa));
    let next = lasting(now, now + 365 * DAY);
    let unpublished = Facts { next_ca: Some((next, None)), ..facts };
    assert_eq!(renewal(now + DAY, &unpublished), None, "it isn't in the configmap");
    let published = Facts { next_ca: Some((next, Some(now))), ..facts };
    assert_eq!(renewal(now + 599, &published), None);
    assert_eq!(renewal(now + 600, &published), Some(Renewal::Promote));
}

#[test]
fn a_former_ca_is_forgotten_when_it_has_ended() {
    let facts = Facts { previous_ca: Some(lasting(-365 * DAY, 5 * DAY)), ..healthy() };
    assert_eq!(renewal(4 * DAY, &facts), None);
    assert_eq!(renewal(5 * DAY, &facts), Some(Renewal::ForgetPreviousCa));
}

#[test]
fn a_leaf_that_ends_with_its_ca_is_not_renewed_again_and_again() {
    let facts = Facts {
        next_ca: Some((lasting(240 * DAY, 700 * DAY), None)),
        leaf: Some(lasting(340 * DAY, 365 * DAY)),
        ..healthy()
    };
    assert_eq!(renewal(360 * DAY, &facts), None);
}

#[test]
fn what_is_made_is_found_fit_after_a_round_through_the_secret() {
    let now = 1_800_000_000;
    let ca = issue::ca(now, lifetimes().ca).expect("a ca");
    let ends = validity(&ca.certificate).expect("it can be read").not_after;
    assert_eq!(ends, now + 365 * DAY);
    let leaf = issue::leaf(now, lifetimes().leaf, &ca, ends).expect("a leaf");
    let material = Material { ca: Some(ca), leaf: Some(leaf), ..Material::default() };
    let read = Material::read(&material.data());
    assert_eq!(read, material);
    assert_eq!(what_to_renew(now, &read.facts(Some(now)), &lifetimes()), None);
}

#[test]
fn a_leaf_of_another_ca_or_with_another_key_doesnt_fit() {
    let now = 1_800_000_000;
    let (ca, other) =
        (issue::ca(now, lifetimes().ca).expect("a ca"), issue::ca(now + 1, lifetimes().ca).expect("a ca"));
    let leaf = issue::leaf(now, lifetimes().leaf, &other, i64::MAX).expect("a leaf");
    let material = Material { ca: Some(ca.clone()), leaf: Some(leaf), ..Material::default() };
    assert_eq!(what_to_renew(now, &material.facts(None), &lifetimes()), Some(Renewal::Leaf));
    let mut leaf = issue::leaf(now, lifetimes().leaf, &ca, i64::MAX).expect("a leaf");
    leaf.key = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    let material = Material { ca: Some(ca), leaf: Some(leaf), ..Material::default() };
    assert_eq!(what_to_renew(now, &material.facts(None), &lifetimes()), Some(Renewal::Leaf));
}

#[test]
fn proxies_are_given_the_old_and_the_new_ca() {
    let ca = |now| issue::ca(now, lifetimes().ca).expect("a ca");
    let (previous, present, next) = (ca(1), ca(2), ca(3));
    let material = Material {
        previous_ca: Some(previous.certificate.clone()),
        ca: Some(present.clone()),
        next_ca: Some(next.clone()),
        leaf: None,
    };
    let bundle = material.bundle();
    assert_eq!(bundle.matches("BEGIN CERTIFICATE").count(), 3);
    assert!([previous, present, next].iter().all(|ca| bundle.contains(ca.certificate.trim_end())));
    assert!(!bundle.contains("PRIVATE KEY"));
}

#[test]
fn a_key_never_reaches_a_log() {
    let pair = issue::ca(1, lifetimes().ca).expect("a ca");
    assert!(!format!("{pair:?}").contains("PRIVATE"));
}
