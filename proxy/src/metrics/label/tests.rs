//! Nothing makes a new label.

use super::*;

#[test]
fn unknown_methods_and_odd_codes_make_no_new_label() {
    assert_eq!(MethodLabel::from(&http::Method::from_bytes(b"BREW").unwrap()).as_str(), "_OTHER");
    assert_eq!(MethodLabel::from(&http::Method::from_bytes(b"get").unwrap()).as_str(), "_OTHER");
    assert_eq!(MethodLabel::from(&http::Method::PATCH).as_str(), "PATCH");
    assert_eq!(CodeClass::from(StatusCode::from_u16(599).unwrap()).as_str(), "5xx");
    assert_eq!(CodeClass::from(StatusCode::from_u16(999).unwrap()).as_str(), "5xx");
    assert_eq!(CodeClass::from(StatusCode::CREATED).as_str(), "2xx");
}

#[test]
fn every_label_is_at_its_place() {
    for (place, method) in MethodLabel::ALL.into_iter().enumerate() {
        assert_eq!(method as usize, place);
    }
    for (place, code) in CodeClass::ALL.into_iter().enumerate() {
        assert_eq!(code as usize, place);
    }
    for (place, &cause) in Cause::ALL.iter().enumerate() {
        assert_eq!(cause as usize, place);
    }
}
