//! An origin is what is dialled: names, addresses, ports.

use super::*;

fn endpoint(text: &str) -> Origin {
    Origin::of_endpoint(&text.parse().unwrap()).unwrap()
}

#[test]
fn a_function_url_is_dialled_by_tls_without_search_domains() {
    let origin = Origin::of_function_url("abc.lambda-url.eu-west-1.on.aws").unwrap();
    assert_eq!(origin.host, Host::Name { name: "abc.lambda-url.eu-west-1.on.aws".to_owned(), absolute: true });
    assert_eq!((origin.port, origin.tls.is_some()), (443, true));
    assert!(Origin::of_function_url("not a host").is_err());
}

#[test]
fn an_endpoint_may_be_a_name_of_the_cluster_or_an_address() {
    let origin = endpoint("http://emulator.aws:4566");
    assert_eq!(origin.host, Host::Name { name: "emulator.aws".to_owned(), absolute: false });
    assert_eq!((origin.port, origin.tls.is_none()), (4566, true));
    assert_eq!(endpoint("http://127.0.0.1").host, Host::Address("127.0.0.1".parse().unwrap()));
    assert_eq!(endpoint("https://[::1]:8443").host, Host::Address("::1".parse().unwrap()));
    assert_eq!(endpoint("https://[::1]").port, 443);
}

#[test]
fn routes_of_one_server_share_it_and_no_other() {
    assert_eq!(endpoint("http://a:80"), endpoint("http://A"));
    for other in ["https://a:80", "http://a:81", "http://b:80"] {
        assert_ne!(endpoint("http://a:80"), endpoint(other));
    }
}
