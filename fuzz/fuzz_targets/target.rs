//! Any path and query: the form that is sent is final, is a request target, and is the one that is signed.
#![no_main]

use http::Uri;
use lambdaroute_proxy::internals::Signing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &str| {
    let (path, query) = match raw.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (raw, None),
    };
    let mut signing = Signing::default();
    // Too long once escaped: a 400.
    let Ok(sent) = signing.read(path, query) else { return };
    let signed = String::from_utf8(signing.signed_target().to_vec()).unwrap();

    let uri: Uri = sent.as_str().parse().unwrap();
    assert_eq!(uri.path_and_query(), Some(&sent), "it is read as it was written");
    let again = signing.read(sent.path(), sent.query()).unwrap();
    assert_eq!((again.as_str(), signing.signed_target()), (sent.as_str(), signed.as_bytes()), "it is final");

    assert!(sent.path().starts_with('/') && !sent.path().contains("//"));
    for segment in sent.path().split('/') {
        let dots = segment.to_ascii_lowercase().replace("%2e", ".");
        assert!(dots != "." && dots != "..", "{sent}");
    }
    let pairs = |query: &str| -> Vec<(String, String)> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| pair.split_once('=').unwrap()).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
    };
    let (signed_path, signed_query) = signed.split_once('\n').unwrap();
    let mut expected = pairs(sent.query().unwrap_or_default());
    assert!(expected.iter().all(|(name, _)| !name.to_ascii_lowercase().starts_with("x-amz-")), "{sent}");
    expected.sort();
    assert_eq!(pairs(signed_query), expected);
    let escaped: String = sent.path().bytes().map(escaped).collect();
    assert_eq!(signed_path, escaped);
});

fn escaped(byte: u8) -> String {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}
