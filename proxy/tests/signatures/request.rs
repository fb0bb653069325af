//! What callers may send, generated: methods, paths, queries, media types, bodies; keys with and without a session token,
//! Regions, and the seconds around midnight, in turn, so that what the signer keeps is always that of another request.

use std::time::{Duration, SystemTime};

use http::header::{CONTENT_TYPE, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method};
use lambdaroute_proxy::internals::{self, Credentials, Hash, Signing};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

pub(crate) const HOST_NAME: &str = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws";

/// Access key id, secret and session token.
pub(crate) const KEYS: [(&str, &str, Option<&str>); 3] = [
    ("AKIDEXAMPLE", "secret/+=", None),
    ("ASIAEXAMPLE", "another secret", Some("IQoJb3JpZ2luX2VjE+/=a/session//token==")),
    ("ASIAEXAMPLE", "a rotated secret", Some("x")),
];

const METHODS: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "PURGE", "M-SEARCH"];
const REGIONS: [&str; 3] = ["eu-west-1", "us-east-1", "ap-southeast-2"];
const PIECES: [&str; 62] = [
    "a",
    "b",
    "Z",
    "0",
    "-",
    "_",
    ".",
    "~",
    "/",
    "//",
    "/./",
    "/../",
    "/..",
    "%2e",
    "%2E%2e",
    "%20",
    "%2F",
    "%2f",
    "%25",
    "%41",
    "%e2%82%ac",
    "%ff",
    "%FE%fd",
    "%",
    "%4",
    "%zz",
    "!",
    "$",
    "&",
    "'",
    "(",
    ")",
    "*",
    "+",
    ",",
    ";",
    "=",
    "==",
    ":",
    "@",
    "é",
    "€",
    " ",
    "{",
    "}",
    "|",
    "\\",
    "^",
    "`",
    "\"",
    "<",
    ">",
    "[",
    "]",
    "&&",
    "&a=1",
    "&a=0",
    "X-Amz-Date=1",
    "&x%2Damz-a=1",
    "?",
    "#",
    "\u{7f}",
];
const MEDIA_TYPES: [&str; 9] = [
    "application/json",
    "text/plain; charset=utf-8",
    "multipart/form-data;  boundary=a  b",
    "text/plain;\tcharset=utf-8",
    "  text/html  ",
    "x/y; a=\"b, c; d\"",
    "",
    "\t",
    "a/b;c=d,e/f",
];

/// A request as its caller made it, and when and with what it is signed.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: Vec<u8>,
    pub(crate) hash_header: bool,
    pub(crate) key: usize,
    pub(crate) region: &'static str,
    pub(crate) time: SystemTime,
}

/// The next request.
pub(crate) fn generate(random: &mut StdRng) -> Request {
    let text = |random: &mut StdRng, most: usize| -> String {
        (0..random.random_range(0..=most)).filter_map(|_| PIECES.choose(random).copied()).collect()
    };
    let method = METHODS.choose(random).and_then(|name| name.parse().ok()).unwrap_or_default();
    let body = if random.random_bool(0.5) {
        (0..random.random_range(1..300)).map(|_| random.random()).collect()
    } else {
        Vec::new()
    };
    // A path is all before the first question mark, and a target ends at a number sign.
    let path = format!("/{}", text(random, 12)).replace(['?', '#'], "");
    let query = random.random_bool(0.7).then(|| text(random, 16).replace('#', ""));
    // 2026-11-21T00:00:00Z, and any time up to 2096.
    let midnight = 1_795_219_200 + 86_400 * random.random_range(0..3);
    let seconds = if random.random_bool(0.5) {
        midnight - 3 + random.random_range(0..6)
    } else {
        random.random_range(0..4_000_000_000)
    };
    Request {
        method,
        path,
        query,
        content_type: random.random_bool(0.6).then(|| MEDIA_TYPES.choose(random).copied()).flatten(),
        hash_header: !body.is_empty() || random.random_bool(0.5),
        body,
        key: random.random_range(0..KEYS.len()),
        region: REGIONS.choose(random).copied().unwrap_or(REGIONS[0]),
        time: SystemTime::UNIX_EPOCH + Duration::from_millis(seconds * 1000 + random.random_range(0..1000)),
    }
}

/// The proxy's signer, with all keys.
pub(crate) struct Signer {
    signing: Signing,
    keys: Vec<Credentials>,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let keys = KEYS.iter().map(|(id, secret, token)| Credentials::new(id, secret, *token).unwrap()).collect();
        Signer { signing: Signing::default(), keys }
    }

    /// The target to send, and all headers that are signed or set by signing.
    pub(crate) fn sign(&mut self, request: &Request) -> (PathAndQuery, HeaderMap) {
        let target = self.signing.read(&request.path, request.query.as_deref()).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(HOST_NAME));
        if let Some(value) = request.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
        }
        let what = internals::Request {
            method: &request.method,
            hash: &Hash::of(&request.body),
            hash_header: request.hash_header,
            region: request.region,
            time: request.time,
        };
        self.signing.sign(&mut headers, &what, &self.keys[request.key]).unwrap();
        (target, headers)
    }
}
