//! What is taken of a Secret.

use super::*;

fn data() -> BTreeMap<String, ByteString> {
    let long = "x".repeat(LONGEST_VALUE + 1);
    let entries = [
        ("key", "planted secret value\n"),
        ("empty", " \n"),
        ("long", &long),
        ("lines", "one\r\nx-injected: two"),
        ("umlaut", "schlüssel"),
        ("unused", "must not be kept"),
    ];
    entries.into_iter().map(|(key, value)| (key.to_owned(), ByteString(value.as_bytes().to_vec()))).collect()
}

fn taken(keys: &[&str]) -> Content {
    take(&data(), &Uses { api_keys: false, values: keys.iter().map(|key| (*key).to_owned()).collect() })
}

#[test]
fn only_what_is_used_is_kept() {
    let content = taken(&["key"]);
    let expected = Ok(SecretValue(b"planted secret value".to_vec()));
    assert_eq!(content, Content { api_keys: None, values: [("key".to_owned(), expected)].into() });
}

#[test]
fn a_value_is_never_printed() {
    let content = taken(&["key", "lines", "umlaut"]);
    let shown = format!("{content:?} {:?}", content.values);
    for planted in ["planted", "112, 108, 97", "injected", "schl"] {
        assert!(!shown.contains(planted), "{shown}");
    }
}

#[test]
fn what_no_header_carries_is_refused() {
    let content = taken(&["empty", "long", "lines", "umlaut", "none"]);
    for (key, why) in [
        ("empty", UnusableValue::Empty),
        ("long", UnusableValue::TooLong),
        ("lines", UnusableValue::Unprintable),
        ("umlaut", UnusableValue::Unprintable),
        ("none", UnusableValue::Missing),
    ] {
        assert_eq!(content.values[key], Err(why), "{key}");
    }
}

#[test]
fn api_keys_are_read_only_where_they_are_used() {
    assert_eq!(taken(&[]).api_keys, None);
    let uses = Uses { api_keys: true, ..Uses::default() };
    let content = take(&data(), &uses);
    assert!(content.api_keys.is_some_and(|keys| keys.consumers.consumers.iter().any(|it| it.name == "unused")));
    assert!(content.values.is_empty());
}
