//! What becomes of key sets.

use lambdaroute_proxy_config::v1alpha1::{Consumer, ResourceRef, ResourceType};

use super::*;

fn reference(id: &str) -> ResourceRef {
    ResourceRef { r#type: ResourceType::KeySet.into(), id: id.to_owned(), version: None }
}

fn serve(id: &str, keys: Option<Keys>) -> Step {
    let resource = Some(Kind::KeySet(v1alpha1::KeySet { keys }));
    let mut resource = Resource { id: id.to_owned(), version: None, resource };
    let kept = crate::kept::Kept::of(&mut resource);
    Step::Serve(reference(id), Arc::new(resource), kept)
}

fn consumers(list: &[(&str, &[u8])]) -> Keys {
    let consumer =
        |(name, digest): &(&str, &[u8])| Consumer { name: (*name).to_owned(), sha256: vec![digest.to_vec()] };
    Keys::Consumers(v1alpha1::Consumers { consumers: list.iter().map(consumer).collect() })
}

fn good() -> Keys {
    consumers(&[("web", &[1; 32])])
}

fn words(outcomes: Vec<Outcome>) -> Vec<String> {
    let word = |outcome: Outcome| match outcome.outcome.unwrap() {
        outcome::Outcome::Served(_) => "served".to_owned(),
        outcome::Outcome::Removed(_) => "removed".to_owned(),
        outcome::Outcome::Refused(refusal) => format!("{}: {}", refusal.reason().as_str_name(), refusal.detail),
    };
    outcomes.into_iter().map(word).collect()
}

#[test]
fn a_key_set_that_cannot_be_used_is_refused_and_its_old_version_is_not_used_either() {
    for bad in [
        None,
        Some(Keys::Jwks("not json".to_owned())),
        Some(Keys::Jwks("[]".to_owned())),
        Some(Keys::Jwks("{}".to_owned())),
        Some(consumers(&[("web", &[1; 31])])),
        Some(consumers(&[("", &[1; 32])])),
        Some(consumers(&[("web", &[1; 32]), ("batch", &[1; 32])])),
    ] {
        let key_sets = KeySets::default();
        let slot = key_sets.slot("k");
        assert_eq!(words(key_sets.program(vec![serve("k", Some(good()))])), ["served"]);
        assert!(slot.keys.load().is_some());
        let told = words(key_sets.program(vec![serve("k", bad.clone())]));
        assert!(told[0].starts_with("REFUSAL_REASON_INVALID: "), "{told:?}");
        assert!(slot.keys.load().is_none(), "{bad:?}");
    }
}

#[test]
fn a_key_set_that_the_table_refuses_is_not_used_any_more() {
    let key_sets = KeySets::default();
    let slot = key_sets.slot("k");
    key_sets.program(vec![serve("k", Some(good()))]);
    let refused = Step::Refuse(reference("k"), RefusalReason::UnsupportedFeature, "new".to_owned());
    assert_eq!(words(key_sets.program(vec![refused])), ["REFUSAL_REASON_UNSUPPORTED_FEATURE: new"]);
    assert!(slot.keys.load().is_none());
}

#[test]
fn a_slot_stays_as_long_as_a_route_or_a_key_set_is_there() {
    let key_sets = KeySets::default();
    let held = key_sets.slot("held");
    drop(key_sets.slot("forgotten"));
    key_sets.program(vec![serve("kept", Some(good()))]);
    assert_eq!(key_sets.lock().len(), 2);
    key_sets.program(vec![Step::Remove(reference("kept")), Step::Remove(reference("held"))]);
    assert_eq!(key_sets.lock().len(), 1);
    key_sets.program(vec![serve("held", Some(good()))]);
    assert!(held.keys.load().is_some(), "it is still the route's");
}

#[test]
fn one_key_may_be_listed_twice_for_one_consumer() {
    let twice = consumers(&[("web", &[1; 32]), ("web", &[1; 32])]);
    assert_eq!(words(KeySets::default().program(vec![serve("k", Some(twice))])), ["served"]);
}

#[test]
fn digests_that_begin_alike_are_told_apart() {
    let digest = |last: u8| {
        let mut digest = [7; 32];
        digest[31] = last;
        digest
    };
    let all: Vec<(String, [u8; 32])> = (0..20).map(|n| (n.to_string(), digest(n))).collect();
    let list: Vec<(&str, &[u8])> = all.iter().map(|(name, digest)| (name.as_str(), &digest[..])).collect();
    let Keys::Consumers(list) = consumers(&list) else { unreachable!() };
    let consumers = Consumers::new(&list).unwrap();
    for (name, digest) in &all {
        assert_eq!(consumers.find(digest).map(|consumer| &*consumer.name), Some(name.as_str()));
    }
    assert_eq!(consumers.find(&digest(20)), None);
    assert_eq!(consumers.find(&[0; 32]), None);
    assert_eq!(consumers.find(&[255; 32]), None);
}
