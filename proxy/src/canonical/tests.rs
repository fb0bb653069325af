//! What is sent is what is signed: held against the AWS SDK's own canonical form.

use http::Uri;
use proptest::prelude::*;

use super::*;

/// Sent, signed path, signed query.
fn read(path: &str, query: Option<&str>) -> (String, String, String) {
    let mut target = Target::default();
    // Whatever was there before must not show.
    target.read("/before/it", Some("z=1&a=2"));
    target.read(path, query);
    let signed = String::from_utf8(target.signed().to_vec()).unwrap();
    let (path, query) = signed.split_once('\n').unwrap();
    (String::from_utf8(target.sent.clone()).unwrap(), path.to_owned(), query.to_owned())
}

fn wire_path(raw: &str) -> String {
    read(raw, None).0
}

fn signed_path(raw: &str) -> String {
    read(raw, None).1
}

/// Without the question mark.
fn wire_query(raw: &str) -> String {
    read("/", Some(raw)).0[1..].trim_start_matches('?').to_owned()
}

fn signed_query(raw: &str) -> String {
    read("/", Some(raw)).2
}

fn paths_are_sent(cases: &[(&str, &str)]) {
    for (raw, sent) in cases {
        assert_eq!(wire_path(raw), *sent, "{raw:?}");
    }
}

fn queries_are_sent(cases: &[(&str, &str)]) {
    for (raw, sent) in cases {
        assert_eq!(wire_query(raw), *sent, "{raw:?}");
    }
}

#[test]
fn an_escape_in_a_path_is_escaped_once_more_where_it_is_signed() {
    assert_eq!(wire_path("/a%20b"), "/a%20b");
    assert_eq!(signed_path("/a%20b"), "/a%2520b");
}

#[test]
fn reserved_characters_in_a_path_are_sent_as_they_came_and_signed_escaped() {
    assert_eq!(wire_path("/(1)!'*@:,;=+$&~"), "/(1)!'*@:,;=+$&~");
    assert_eq!(signed_path("/(1)!'*@:,;=+$&~"), "/%281%29%21%27%2A%40%3A%2C%3B%3D%2B%24%26~");
}

#[test]
fn escapes_in_a_path_survive_with_the_case_of_their_digits() {
    paths_are_sent(&[("/a%2Fb%2fc%25d%41", "/a%2Fb%2fc%25d%41")]);
    assert_eq!(signed_path("/%2f%2F"), "/%252f%252F");
}

#[test]
fn empty_segments_and_dot_segments_never_leave_escaped_or_not() {
    paths_are_sent(&[
        ("//", "/"),
        ("/a//b", "/a/b"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/b/../../../c", "/c"),
        ("/../../a", "/a"),
        ("/a/%2e%2E/b", "/b"),
        ("/a/.%2e/b", "/b"),
        ("/a/b/%2e./c", "/a/c"),
        ("/...", "/..."),
        ("/.a/..b/c.", "/.a/..b/c."),
        ("/%2e%2e%2e", "/%2e%2e%2e"),
    ]);
}

#[test]
fn a_slash_at_the_end_of_a_path_stays() {
    paths_are_sent(&[
        ("/a/", "/a/"),
        ("/a//", "/a/"),
        ("/a/.", "/a/"),
        ("/a/%2e", "/a/"),
        ("/a/b/..", "/a/"),
        ("/a/..", "/"),
        ("/a", "/a"),
    ]);
}

#[test]
fn an_empty_path_is_the_root() {
    paths_are_sent(&[("", "/"), ("/", "/")]);
    assert_eq!(read("", Some("a=1")).0, "/?a=1");
    assert_eq!(read("", Some("")).0, "/");
}

#[test]
fn what_is_no_escape_and_what_is_not_ascii_is_escaped_in_a_path() {
    paths_are_sent(&[
        ("/100%", "/100%25"),
        ("/%zz%4", "/%25zz%254"),
        ("/a b", "/a%20b"),
        ("/é", "/%C3%A9"),
        ("/%ff", "/%ff"),
        ("/{a}|\"^`\\<>[]", "/%7Ba%7D%7C%22%5E%60%5C%3C%3E%5B%5D"),
    ]);
    assert_eq!(signed_path("/é%"), "/%25C3%25A9%2525");
}

#[test]
fn a_plus_in_a_query_is_a_space_and_an_escaped_plus_is_a_plus() {
    queries_are_sent(&[("a+b=c+d", "a%20b=c%20d"), ("a=%2B%20", "a=%2B%20")]);
}

#[test]
fn what_is_escaped_in_a_query_is_not_escaped_twice() {
    queries_are_sent(&[("a=%26%25", "a=%26%25"), ("a=50%", "a=50%25"), ("a=%zz", "a=%25zz"), ("%41=%7e", "A=~")]);
}

#[test]
fn a_name_without_a_value_has_an_empty_one() {
    queries_are_sent(&[("x", "x="), ("x=", "x="), ("", ""), ("=v", "=v"), ("=", "=")]);
}

#[test]
fn a_pair_is_split_at_its_first_equals_sign() {
    queries_are_sent(&[("a=b==", "a=b%3D%3D"), ("a%3D=b", "a%3D=b")]);
}

#[test]
fn pairs_of_the_same_name_are_all_kept_and_signed_by_their_values_order() {
    queries_are_sent(&[("a=1&a=0&a=1", "a=1&a=0&a=1")]);
    assert_eq!(signed_query("a=1&a=0&a=1"), "a=0&a=1&a=1");
}

#[test]
fn a_query_keeps_its_order_where_it_is_sent_and_is_sorted_by_encoded_name_then_value_where_it_is_signed() {
    queries_are_sent(&[("b=2&a=2&a-b=1&a=10&A=0&%7f=1", "b=2&a=2&a-b=1&a=10&A=0&%7F=1")]);
    assert_eq!(signed_query("b=2&a=2&a-b=1&a=10&A=0&%7f=1"), "%7F=1&A=0&a=10&a=2&a-b=1&b=2");
}

#[test]
fn empty_pairs_never_leave() {
    queries_are_sent(&[("a=1&&b=2&", "a=1&b=2"), ("&&", "")]);
    assert_eq!(signed_query("&b=2&&a=1"), "a=1&b=2");
}

#[test]
fn bytes_that_are_not_utf8_survive() {
    queries_are_sent(&[("a=%ff%00", "a=%FF%00")]);
    assert_eq!(read("/%ff%FE", None).0, "/%ff%FE");
}

#[test]
fn escapes_in_a_query_are_in_upper_case() {
    queries_are_sent(&[("a=%3a", "a=%3A")]);
}

#[test]
fn query_authentication_of_a_caller_never_leaves() {
    queries_are_sent(&[
        ("X-Amz-Signature=1&a=1&x-amz-date=2&X%2DAmz-Credential=3&xx-amz-a=4", "a=1&xx-amz-a=4"),
        ("X-Amz-Signature=1", ""),
        ("b=1&X-AMZ-&a", "b=1&a="),
    ]);
    assert_eq!(signed_query("b=1&X-Amz-Date=1&a=2"), "a=2&b=1");
}

#[test]
fn a_semicolon_separates_nothing_and_braces_and_bars_are_escaped() {
    queries_are_sent(&[("a={1|2};b", "a=%7B1%7C2%7D%3Bb"), ("a=/?:@", "a=%2F%3F%3A%40")]);
}

#[test]
fn a_target_that_is_in_its_form_is_sent_as_the_caller_sent_it_without_a_copy() {
    let uri: Uri = "/v1/items?id=1".parse().unwrap();
    let callers = uri.path_and_query().unwrap();
    let mut target = Target::default();
    target.read(uri.path(), uri.query());
    assert_eq!(target.to_send(Some(callers)).unwrap().as_str().as_ptr(), callers.as_str().as_ptr());
    target.read("/v1//items", uri.query());
    assert_eq!(target.to_send(Some(callers)).unwrap().as_str(), "/v1/items?id=1");
    target.read("/v1/other", None);
    assert_eq!(target.to_send(Some(callers)).unwrap().as_str(), "/v1/other");
}

#[test]
fn a_target_that_escaping_makes_too_long_is_an_error_and_its_buffers_are_not_kept() {
    let mut target = Target::default();
    target.read("/", Some(&"+".repeat(60_000)));
    assert_eq!(target.to_send(None), Err(TooLong));
    target.read("/a", None);
    assert!(target.sent.capacity() < KEPT && target.signed.capacity() < KEPT);
    assert_eq!(target.to_send(None).unwrap().as_str(), "/a");
}

/// As AWS describes it, without our code: all but unreserved characters and slashes escaped.
fn escaped_once_more(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

proptest! {
    #[test]
    fn a_path_in_its_form_stays_as_it_is(raw in "(/|[a-z.%2eEfF~é {}+@]){0,24}") {
        let wire = wire_path(&raw);
        prop_assert_eq!(wire_path(&wire), wire.clone());
        prop_assert!(wire.starts_with('/') && !wire.contains("//"));
        prop_assert!(wire.split('/').all(|s| s != "." && s != ".."), "{}", wire);
        prop_assert_eq!(signed_path(&raw), escaped_once_more(&wire));
        prop_assert!(wire.parse::<Uri>().is_ok());
    }

    #[test]
    fn a_query_in_its_form_stays_as_it_is(raw in "([a-zX%2bB+&=;é-]|%ff){0,32}") {
        let (sent, _, signed) = read("/", Some(&raw));
        let (again, _, signed_again) = read("/", sent.get(2..));
        prop_assert_eq!(&again, &sent);
        prop_assert_eq!(&signed_again, &signed);
        let mut pairs: Vec<_> = sent.split(['?', '&']).skip(1).map(|pair| pair.split_once('=').unwrap()).collect();
        pairs.sort();
        let sorted: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        prop_assert_eq!(signed, sorted.join("&"));
    }

    #[test]
    fn every_byte_of_a_query_survives(name in prop::collection::vec(any::<u8>(), 0..8), value in prop::collection::vec(any::<u8>(), 1..8)) {
        let mut raw = b"n".to_vec();
        for byte in &name { characters::push_escape(&mut raw, *byte); }
        raw.push(b'=');
        for byte in &value { characters::push_escape(&mut raw, *byte); }
        let wire = wire_query(std::str::from_utf8(&raw).unwrap());
        let (sent_name, sent) = wire.split_once('=').unwrap();
        prop_assert_eq!(&percent_encoding::percent_decode_str(sent_name).collect::<Vec<u8>>()[1..], name);
        prop_assert_eq!(percent_encoding::percent_decode_str(sent).collect::<Vec<u8>>(), value);
    }
}
