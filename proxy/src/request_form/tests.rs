//! Which forms can't be forwarded, and which hosts are one.

use http::Request;

use super::*;

fn cause(version: Version, method: &str, target: &str, headers: &[(&str, &str)]) -> Option<Cause> {
    let mut request = Request::builder().version(version).method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    check_form(&parts).err().map(|refused| refused.cause)
}

#[test]
fn connect_and_asterisk_and_upgrades_cannot_be_forwarded() {
    let host = ("host", "o");
    let one = |method, target, headers: &[_]| cause(Version::HTTP_11, method, target, headers);
    assert_eq!(one("GET", "/", &[host]), None);
    assert_eq!(one("CONNECT", "o:80", &[host]), Some(Cause::BadRequest));
    assert_eq!(one("OPTIONS", "*", &[host]), Some(Cause::BadRequest));
    assert_eq!(one("GET", "/", &[host, ("upgrade", "websocket")]), Some(Cause::UpgradeUnsupported));
}

#[test]
fn a_target_is_a_path_or_an_absolute_one_without_user_information() {
    let host = ("host", "o");
    for (target, expected) in [
        ("/a?b", None),
        ("http://other/a", None),
        ("a", Some(Cause::BadRequest)),
        ("other:80", Some(Cause::BadRequest)),
        ("http://user@other/a", Some(Cause::BadRequest)),
        ("http://user:secret@other/a", Some(Cause::BadRequest)),
    ] {
        assert_eq!(cause(Version::HTTP_11, "GET", target, &[host]), expected, "{target}");
    }
}

#[test]
fn a_request_has_exactly_one_host() {
    let o = ("host", "o");
    for (version, target, headers, is_one) in [
        (Version::HTTP_10, "/", &[][..], true),
        (Version::HTTP_10, "/", &[o, o], false),
        (Version::HTTP_11, "/", &[], false),
        (Version::HTTP_11, "http://p/", &[], false),
        (Version::HTTP_11, "/", &[o], true),
        (Version::HTTP_11, "/", &[o, ("host", "p")], false),
        (Version::HTTP_11, "http://p/", &[o], true),
        (Version::HTTP_2, "http://o/", &[], true),
        (Version::HTTP_2, "http://o/", &[("host", "O")], true),
        (Version::HTTP_2, "http://o/", &[("host", "p")], false),
        (Version::HTTP_2, "/", &[o], true),
        (Version::HTTP_2, "/", &[], false),
    ] {
        assert_eq!(cause(version, "GET", target, headers).is_none(), is_one, "{version:?} {target} {headers:?}");
    }
}
