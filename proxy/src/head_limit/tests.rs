//! Large heads are refused, by bytes and by count.

use http::Request;

use super::*;

const LIMIT: HeadLimit = HeadLimit { bytes: 100, count: 3 };

fn refused(target: &str, headers: &[(&str, &str)]) -> Option<Cause> {
    let mut request = Request::get(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    LIMIT.check(&parts).err().map(|refused| refused.cause)
}

#[test]
fn a_head_may_be_as_large_as_the_limit_and_no_larger() {
    assert_eq!(refused("/", &[("a", &"x".repeat(94))]), None);
    assert_eq!(refused("/", &[("a", &"x".repeat(95))]), Some(Cause::HeadersTooLarge));
    assert_eq!(refused(&format!("/{}?{}", "p".repeat(50), "q".repeat(50)), &[]), Some(Cause::HeadersTooLarge));
}

#[test]
fn a_head_may_have_as_many_headers_as_the_limit_and_no_more() {
    let (few, many) = ([("a", "1"); 3], [("a", "1"); 4]);
    assert_eq!((refused("/", &few), refused("/", &many)), (None, Some(Cause::HeadersTooLarge)));
}
