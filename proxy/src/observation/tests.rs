//! A request is counted once, however it ends.

use super::*;

#[test]
fn unknown_methods_and_odd_codes_make_no_new_label() {
    assert_eq!(method_label(&Method::from_bytes(b"BREW").unwrap()), "_OTHER");
    assert_eq!(method_label(&Method::PATCH), "PATCH");
    assert_eq!(code_class(StatusCode::from_u16(599).unwrap()), "5xx");
    assert_eq!(code_class(StatusCode::from_u16(999).unwrap()), "5xx");
    assert_eq!(code_class(StatusCode::CREATED), "2xx");
}
