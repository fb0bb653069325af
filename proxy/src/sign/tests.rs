//! What is signed and what can't be. The signatures of generated requests are judged in `proxy/tests/signatures`.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_credential_types::Credentials;

use http::header::HOST;

use super::*;

const SECOND: u64 = 1_795_253_400;
const DAY: u64 = 86_400;

fn credentials(secret: &str, token: Option<&str>) -> SigningCredentials {
    let token = token.map(str::to_owned);
    SigningCredentials::new(&Credentials::new("AKIDEXAMPLE", secret, token, None, "test")).unwrap()
}

fn headers(content_type: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let host = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws";
    headers.insert(HOST, HeaderValue::from_static(host));
    for value in content_type {
        headers.append(CONTENT_TYPE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

struct What<'a> {
    method: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    body: &'a [u8],
    payload_header: bool,
    region: &'a str,
    second: u64,
}

const GET: What<'static> = What {
    method: "GET",
    path: "/",
    query: None,
    body: b"",
    payload_header: false,
    region: "eu-west-1",
    second: SECOND,
};
const POST: What<'static> = What { method: "POST", body: b"x", payload_header: true, ..GET };

fn sign(
    signer: &mut Signer,
    headers: &mut HeaderMap,
    what: &What<'_>,
    key: &SigningCredentials,
) -> Result<(), SignError> {
    let mut target = Target::default();
    target.read(what.path, what.query);
    let request = Signable {
        method: &what.method.parse().unwrap(),
        target: &target,
        payload: &PayloadHash::of(what.body),
        payload_header: what.payload_header,
    };
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(what.second);
    signer.sign(headers, &request, key, what.region, time)
}

/// By a signer that has kept nothing.
fn signed(content_type: &[&str], what: &What<'_>, key: &SigningCredentials) -> Result<HeaderMap, SignError> {
    let mut headers = headers(content_type);
    sign(&mut Signer::default(), &mut headers, what, key).map(|()| headers)
}

#[test]
fn escapes_that_are_not_utf8_are_signed_as_they_are_sent() {
    // The SDK's signer would sign U+FFFD here. The expected value is botocore 1.43's for /a%2Fb?k=%FF.
    let what = What { path: "/a%2Fb", query: Some("k=%ff"), payload_header: true, ..GET };
    let headers = signed(&[], &what, &credentials("secret/+=", None)).unwrap();
    let signature = "04f8467aca3db0987e41e4a97acf1fa58973a78925f5720fe1847f03864fe402";
    assert!(headers[AUTHORIZATION].to_str().unwrap().ends_with(signature), "{headers:?}");
}

#[test]
fn host_content_type_and_what_signing_sets_are_signed_and_nothing_else() {
    let mut headers = headers(&["text/plain"]);
    for name in ["user-agent", "accept-encoding", "x-forwarded-for", "x-amzn-trace-id", "traceparent"] {
        headers.insert(name, HeaderValue::from_static("hops change it"));
    }
    sign(&mut Signer::default(), &mut headers, &POST, &credentials("secret", Some("token"))).unwrap();
    let authorization = headers[AUTHORIZATION].to_str().unwrap();
    let names = "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token,";
    assert!(authorization.contains(names), "{authorization}");
}

#[test]
fn the_hash_of_a_body_is_sent_and_signed() {
    let key = credentials("secret", None);
    let hash = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    assert_eq!(signed(&[], &POST, &key).unwrap()["x-amz-content-sha256"], hash);
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(signed(&[], &What { body: b"", ..POST }, &key).unwrap()["x-amz-content-sha256"], empty);
    assert!(!signed(&[], &GET, &key).unwrap().contains_key("x-amz-content-sha256"));
}

#[test]
fn a_content_type_that_cannot_be_signed_is_an_error_and_nothing_is_signed() {
    let key = credentials("secret", None);
    for content_type in [&["text/plain; x=é"][..], &["text/plain", "text/html"], &["a/b", "a/b"]] {
        let mut headers = headers(content_type);
        let signed = sign(&mut Signer::default(), &mut headers, &GET, &key);
        assert_eq!(signed.unwrap_err(), SignError::ContentType, "{content_type:?}");
        assert!(!headers.contains_key(AUTHORIZATION));
    }
}

#[test]
fn a_method_that_signers_read_differently_is_an_error() {
    let key = credentials("secret", None);
    for method in ["get", "Post", "m-search"] {
        let signed = signed(&[], &What { method, ..GET }, &key);
        assert_eq!(signed.unwrap_err(), SignError::Method, "{method}");
    }
    signed(&[], &What { method: "M-SEARCH", ..GET }, &key).unwrap();
}

#[test]
fn a_time_before_1970_is_an_error() {
    let target = Target::default();
    let request =
        Signable { method: &Method::GET, target: &target, payload: &PayloadHash::EMPTY, payload_header: false };
    let time = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    let key = credentials("secret", None);
    let signed = Signer::default().sign(&mut headers(&[]), &request, &key, "eu-west-1", time);
    assert_eq!(signed.unwrap_err(), SignError::Internal);
}

#[test]
fn tabs_which_canonicalisers_read_differently_leave_as_spaces() {
    let headers = signed(&["text/plain;\tcharset=utf-8"], &GET, &credentials("secret", None)).unwrap();
    assert_eq!(headers[CONTENT_TYPE], "text/plain; charset=utf-8");
}

#[test]
fn spaces_of_a_value_are_signed_trimmed_and_one_at_a_time_and_sent_as_they_came() {
    let key = credentials("secret", None);
    let plain = signed(&["a/b; c=d e"], &GET, &key).unwrap();
    let spaced = signed(&["  a/b;  c=d   e "], &GET, &key).unwrap();
    assert_eq!(spaced[AUTHORIZATION], plain[AUTHORIZATION]);
    assert_eq!(spaced[CONTENT_TYPE], "  a/b;  c=d   e ");
}

#[test]
fn secrets_are_marked_as_sensitive() {
    let headers = signed(&[], &GET, &credentials("secret", Some("token"))).unwrap();
    assert!(headers["authorization"].is_sensitive() && headers["x-amz-security-token"].is_sensitive());
}

#[test]
fn a_request_that_is_signed_again_has_the_second_signature_alone() {
    let (old, new) = (credentials("old", Some("an old token")), credentials("new", None));
    let mut signer = Signer::default();
    let mut twice = headers(&["text/plain"]);
    sign(&mut signer, &mut twice, &POST, &old).unwrap();
    let later = What { second: SECOND + DAY, payload_header: false, ..POST };
    sign(&mut signer, &mut twice, &later, &new).unwrap();
    assert_eq!(twice, signed(&["text/plain"], &later, &new).unwrap());
}

#[test]
fn a_key_is_kept_for_its_day_and_its_credentials_alone() {
    let (one, rotated) = (credentials("one", None), credentials("two", None));
    let mut signer = Signer::default();
    let midnight = SECOND - SECOND % DAY;
    for (key, second) in
        [(&one, midnight - 1), (&one, midnight), (&rotated, midnight), (&one, midnight - 1), (&rotated, midnight)]
    {
        let (mut kept, what) = (headers(&[]), What { second, ..GET });
        sign(&mut signer, &mut kept, &what, key).unwrap();
        assert_eq!(kept, signed(&[], &what, key).unwrap());
        assert_eq!(signer.keys.kept(), 1, "a key of another day or of rotated credentials is still there");
    }
}

#[test]
fn each_region_has_its_key_and_their_number_is_bounded() {
    let key = credentials("secret", None);
    let mut signer = Signer::default();
    let mut signatures = BTreeSet::new();
    for region in 0..1_000 {
        let (mut headers, region) = (headers(&[]), format!("region-{region}"));
        sign(&mut signer, &mut headers, &What { region: &region, ..GET }, &key).unwrap();
        signatures.insert(headers[AUTHORIZATION].to_str().unwrap().to_owned());
        assert!(signer.keys.kept() <= 64);
    }
    assert_eq!(signatures.len(), 1_000);
}

#[test]
fn a_body_in_pieces_has_the_hash_of_the_whole() {
    for whole in [&b""[..], b"one", b"one and two and three"] {
        let mut hasher = PayloadHasher::default();
        whole.chunks(4).for_each(|piece| hasher.update(piece));
        assert_eq!(hasher.finish(), PayloadHash::of(whole));
    }
    assert_eq!(PayloadHash::of(b""), PayloadHash::EMPTY);
}
