//! Redirects and names; fetches themselves are tested against a server, end to end.

use super::*;

fn location(to: &str) -> HeaderMap {
    [(header::LOCATION, to.parse().unwrap())].into_iter().collect()
}

#[test]
fn redirects_stay_within_their_origin() {
    let from: Url = "https://idp.example/a/jwks".parse().unwrap();
    for (to, expected) in [
        ("/other", Some("https://idp.example/other")),
        ("other", Some("https://idp.example/a/other")),
        ("https://idp.example:443/x", Some("https://idp.example/x")),
        ("http://idp.example/jwks", None),
        ("https://elsewhere.example/jwks", None),
        ("//elsewhere.example/jwks", None),
        ("https://idp.example:8443/jwks", None),
        ("https://user@idp.example/jwks", None),
        ("https://169.254.169.254/", None),
    ] {
        let led = redirected(&from, &location(to));
        assert_eq!(led.as_ref().map(Url::as_str), expected, "{to}");
    }
    assert_eq!(redirected(&from, &HeaderMap::new()), None);
}

#[tokio::test]
async fn private_addresses_are_not_dialled_in_any_spelling() {
    let https = Https::new(None, vec![]);
    for host in
        ["127.0.0.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "localhost", "169.254.169.254", "10.0.0.1"]
    {
        let url: Url = format!("https://{host}:1/jwks").parse().unwrap();
        assert_eq!(https.get(&url).await, Err(FetchError::NotAllowed), "{host}");
    }
}

#[tokio::test]
async fn allowed_private_addresses_are_dialled() {
    let https = Https::new(None, vec!["127.0.0.0/8".parse().unwrap()]);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url: Url = format!("https://{closed}/jwks").parse().unwrap();
    assert_eq!(https.get(&url).await, Err(FetchError::Unreachable));
}
