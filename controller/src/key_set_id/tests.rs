//! One source, one name.

use super::*;

#[test]
fn a_source_of_keys_has_one_name_whoever_asks() {
    assert_eq!(KeySetId::consumers("uid-1", "keys").to_string(), "consumers/uid-1/keys");
    assert_eq!(KeySetId::secret("shop", "orders-consumers").to_string(), "secret/shop/orders-consumers");
    assert_eq!(KeySetId::cluster().to_string(), "cluster");
    let given = KeySetId::jwks("https://idp.example", Some("https://idp.example/jwks.json"));
    assert_eq!(given, KeySetId::jwks("https://other.example", Some("https://idp.example/jwks.json")));
    assert_eq!(given.0.len(), "jwks/".len() + 64);
}

#[test]
fn keys_that_are_discovered_are_another_source_than_keys_at_the_same_address() {
    let discovered = KeySetId::jwks("https://idp.example", None);
    assert_ne!(discovered, KeySetId::jwks("https://idp.example", Some("https://idp.example")));
    assert_ne!(discovered, KeySetId::jwks("https://other.example", None));
}
