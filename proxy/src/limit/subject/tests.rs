//! Who shares a bucket, and who doesn't.

use std::hash::RandomState;

use http::HeaderValue;

use super::*;

struct Caller {
    method: &'static str,
    name: &'static str,
    sub: Option<&'static str>,
}

impl Recognised for Caller {
    fn method(&self) -> &[u8] {
        self.method.as_bytes()
    }

    fn name(&self) -> &str {
        self.name
    }

    fn claim(&self, name: &str) -> Option<Cow<'_, str>> {
        self.sub.filter(|_| name == "sub").map(Cow::Borrowed)
    }
}

struct Request {
    address: &'static str,
    headers: HeaderMap,
    caller: Option<Caller>,
}

fn request() -> Request {
    Request { address: "192.0.2.1", headers: HeaderMap::new(), caller: None }
}

fn from(method: &'static str, name: &'static str, sub: Option<&'static str>) -> Request {
    Request { caller: Some(Caller { method, name, sub }), ..request() }
}

impl Request {
    fn hash(&self, keys: &[Key], process: &RandomState) -> u64 {
        let subject = Subject {
            address: self.address.parse().unwrap(),
            headers: &self.headers,
            caller: self.caller.as_ref().map(|caller| caller as &dyn Recognised),
        };
        subject.hash(keys, process)
    }
}

#[test]
fn an_address_is_an_ipv4_address_or_the_64_bits_of_an_ipv6_network() {
    let process = RandomState::new();
    let hash = |address| Request { address, ..request() }.hash(&[Key::SourceIp], &process);
    assert_eq!(hash("2001:db8::1"), hash("2001:db8::ffff:0:0:1"));
    assert_ne!(hash("2001:db8::1"), hash("2001:db8:0:1::1"));
    assert_ne!(hash("192.0.2.1"), hash("192.0.2.2"));
    assert_eq!(hash("192.0.2.1"), hash("::ffff:192.0.2.1"));
}

#[test]
fn who_lacks_a_value_shares_a_bucket_with_all_who_lack_it_and_with_nobody_else() {
    let process = RandomState::new();
    let tenant = Key::Header(HeaderName::from_static("x-tenant"));
    for key in [Key::Consumer, tenant.clone(), Key::Claim("sub".to_owned())] {
        let keys = [key];
        let lacks = request().hash(&keys, &process);
        let mut empty = from("", "", Some(""));
        empty.headers.insert("x-tenant", HeaderValue::from_static(""));
        assert_eq!(lacks, Request { address: "192.0.2.9", ..request() }.hash(&keys, &process));
        assert_ne!(lacks, empty.hash(&keys, &process), "{keys:?}: an empty value is a value");
    }
}

#[test]
fn a_combination_tells_apart_what_either_tells_apart() {
    let process = RandomState::new();
    let keys = [Key::Consumer, Key::SourceIp];
    let hash = |consumer, address| Request { address, ..from("keys", consumer, None) }.hash(&keys, &process);
    let hashes = [hash("a", "192.0.2.1"), hash("a", "192.0.2.2"), hash("b", "192.0.2.1"), hash("b", "192.0.2.2")];
    for (n, hash) in hashes.iter().enumerate() {
        assert!(!hashes[..n].contains(hash));
    }
}

#[test]
fn the_border_between_values_counts() {
    let process = RandomState::new();
    let keys = [Key::Header(HeaderName::from_static("a")), Key::Header(HeaderName::from_static("b"))];
    let hash = |lines: &[(&'static str, &'static str)]| {
        let mut request = request();
        for (name, value) in lines {
            request.headers.append(*name, HeaderValue::from_static(value));
        }
        request.hash(&keys, &process)
    };
    let hashes = [
        hash(&[("a", "xy"), ("b", "z")]),
        hash(&[("a", "x"), ("b", "yz")]),
        hash(&[("a", "x"), ("a", "y"), ("b", "z")]),
        hash(&[("a", "x"), ("b", "y"), ("b", "z")]),
        hash(&[("b", "xyz")]),
    ];
    for (n, hash) in hashes.iter().enumerate() {
        assert!(!hashes[..n].contains(hash));
    }
}

#[test]
fn consumers_of_the_same_name_by_different_methods_are_two() {
    let process = RandomState::new();
    let hash = |method, name| from(method, name, None).hash(&[Key::Consumer], &process);
    assert_eq!(hash("keys", "web"), hash("keys", "web"));
    assert_ne!(hash("keys", "web"), hash("idp", "web"));
    assert_ne!(hash("keys", "web"), hash("key", "sweb"));
}

#[test]
fn every_process_hashes_otherwise() {
    let keys = [Key::SourceIp];
    assert_ne!(request().hash(&keys, &RandomState::new()), request().hash(&keys, &RandomState::new()));
}
