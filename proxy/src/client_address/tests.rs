//! What is believed about a caller.

use super::*;

fn client(trusted: &[&str], peer: &str, lines: &[(&'static str, &str)]) -> Client {
    let blocks: Vec<IpNet> = trusted.iter().map(|block| block.parse().unwrap()).collect();
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    TrustedProxies::new(&blocks).client(peer.parse().unwrap(), &headers)
}

fn address(trusted: &[&str], peer: &str, forwarded_for: &[&str]) -> String {
    let lines: Vec<_> = forwarded_for.iter().map(|&line| ("x-forwarded-for", line)).collect();
    client(trusted, peer, &lines).address.to_string()
}

#[test]
fn a_caller_cannot_say_its_own_address() {
    assert_eq!(address(&[], "192.0.2.9", &["10.0.0.1"]), "192.0.2.9");
    assert_eq!(address(&["10.0.0.0/8"], "192.0.2.9", &["10.0.0.1"]), "192.0.2.9");
    let client = client(&["10.0.0.0/8"], "192.0.2.9", &[("x-forwarded-host", "evil"), ("x-forwarded-proto", "https")]);
    assert_eq!((client.host, client.https, client.behind_proxy), (None, false, false));
}

#[test]
fn behind_trusted_proxies_the_rightmost_other_address_is_the_client() {
    let trusted = ["10.0.0.0/8", "2001:db8::/32"];
    assert_eq!(address(&trusted, "10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
    assert_eq!(address(&trusted, "10.0.0.1", &["6.6.6.6, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
    assert_eq!(address(&trusted, "10.0.0.1", &["6.6.6.6", "198.51.100.7", "10.0.0.2,10.0.0.3"]), "198.51.100.7");
    assert_eq!(address(&trusted, "2001:db8::1", &["2001:db9::7"]), "2001:db9::7");
}

#[test]
fn where_all_are_trusted_the_furthest_is_the_client() {
    assert_eq!(address(&["10.0.0.0/8"], "10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    assert_eq!(address(&["10.0.0.0/8"], "10.0.0.1", &[]), "10.0.0.1");
}

#[test]
fn what_is_no_address_ends_the_belief() {
    for line in ["6.6.6.6, unknown", "6.6.6.6, ", "6.6.6.6, _hidden, 10.0.0.2", ",", "é"] {
        let seen = address(&["10.0.0.0/8"], "10.0.0.1", &[line]);
        assert!(seen.starts_with("10.0.0."), "{line}: {seen}");
    }
}

#[test]
fn a_mapped_ipv4_address_is_an_ipv4_address() {
    assert_eq!(address(&["10.0.0.0/8"], "::ffff:10.0.0.1", &["::ffff:198.51.100.7"]), "198.51.100.7");
    assert_eq!(address(&[], "::ffff:192.0.2.9", &[]), "192.0.2.9");
}

#[test]
fn addresses_are_read_with_a_port_too() {
    for (line, expected) in [
        ("198.51.100.7:4711", "198.51.100.7"),
        ("[2001:db9::7]:4711", "2001:db9::7"),
        ("[2001:db9::7]", "2001:db9::7"),
        (" 2001:db9::7 ", "2001:db9::7"),
    ] {
        assert_eq!(address(&["10.0.0.0/8"], "10.0.0.1", &[line]), expected);
    }
}

#[test]
fn host_and_scheme_are_kept_from_a_trusted_proxy() {
    let lines = [("x-forwarded-host", "shop.example"), ("x-forwarded-proto", "HTTPS")];
    let client = client(&["10.0.0.0/8"], "10.0.0.1", &lines);
    assert_eq!((client.host, client.https), (Some(HeaderValue::from_static("shop.example")), true));
}
