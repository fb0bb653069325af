//! Keys, one a line.

use super::*;

const WEB: &str = "web-key-0123456789abcdef";
const WEB_NEXT: &str = "web-key-next-0123456789";
const MOBILE: &str = "mobile-key-0123456789abc";

fn data(entries: &[(&str, &str)]) -> BTreeMap<String, ByteString> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), ByteString(value.as_bytes().to_vec()))).collect()
}

fn digest(key: &str) -> Vec<u8> {
    Sha256::digest(key).to_vec()
}

fn consumer(keys: &ApiKeys, name: &str) -> Vec<Vec<u8>> {
    let found = keys.consumers.consumers.iter().find(|consumer| consumer.name == name);
    found.map(|consumer| consumer.sha256.clone()).unwrap_or_default()
}

#[test]
fn a_consumer_has_the_digest_of_each_of_its_lines() {
    let keys = read(&data(&[("web", &format!("{WEB}\r\n\n  {WEB_NEXT}\n")), ("mobile", MOBILE)]));
    let mut both = vec![digest(WEB), digest(WEB_NEXT)];
    both.sort();
    assert_eq!(consumer(&keys, "web"), both);
    assert_eq!(consumer(&keys, "mobile"), [digest(MOBILE)]);
    assert_eq!(keys.refused, []);
}

#[test]
fn no_key_comes_out_as_it_is() {
    let shown = format!("{:?}", read(&data(&[("web", WEB), ("short", "tooshort-secret")])));
    assert!(!shown.contains(WEB) && !shown.contains("tooshort-secret"), "{shown}");
}

#[test]
fn a_short_key_is_refused_by_its_consumer_and_the_others_work() {
    let keys = read(&data(&[("web", &format!("short\n{WEB}")), ("mobile", "fifteen-chars-x")]));
    assert_eq!(consumer(&keys, "web"), [digest(WEB)]);
    assert_eq!(consumer(&keys, "mobile"), Vec::<Vec<u8>>::new());
    let said: Vec<String> = keys.refused.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "a key of the consumer mobile has fewer than 16 characters",
            "a key of the consumer web has fewer than 16 characters",
        ]
    );
    assert_eq!(read(&data(&[("web", "sixteen-chars-xx")])).refused, []);
}

#[test]
fn a_key_that_no_header_carries_unchanged_is_refused() {
    for key in ["key-with-a-tab\t-in-it", "schlüssel-mit-umlaut-ü", "key-with-\u{0}-and-more"] {
        let keys = read(&data(&[("web", key)]));
        assert_eq!(keys.refused, [Refused { consumer: "web".into(), why: Why::Unprintable }], "{key:?}");
        assert!(keys.consumers.consumers.is_empty());
    }
}

#[test]
fn a_key_that_two_consumers_have_names_neither() {
    let keys = read(&data(&[("a", WEB), ("b", &format!("{WEB}\n{MOBILE}"))]));
    assert_eq!(consumer(&keys, "a"), Vec::<Vec<u8>>::new());
    assert_eq!(consumer(&keys, "b"), [digest(MOBILE)]);
    assert_eq!(keys.refused.len(), 2);
    assert!(keys.refused.iter().all(|refused| refused.why == Why::Shared));
    let twice = read(&data(&[("a", &format!("{WEB}\n{WEB}"))]));
    assert_eq!((consumer(&twice, "a"), twice.refused), (vec![digest(WEB)], vec![]), "twice in one consumer is once");
}

#[test]
fn a_consumer_without_a_key_is_named() {
    let keys = read(&data(&[("web", " \n\n")]));
    assert_eq!(keys.refused, [Refused { consumer: "web".into(), why: Why::Empty }]);
}
