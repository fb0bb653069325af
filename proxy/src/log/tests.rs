//! Whose words are told.

use super::*;

#[test]
fn other_crates_say_nothing_below_info() {
    for (target, level, told) in [
        ("lambdaroute_proxy::serve", Level::TRACE, true),
        ("aws_sigv4::http_request::sign", Level::TRACE, false),
        ("aws_sigv4::http_request::sign", Level::DEBUG, false),
        ("aws_sigv4::http_request::sign", Level::INFO, true),
        ("hyper::proto::h1", Level::TRACE, false),
        ("hyper_util::client::legacy::pool", Level::DEBUG, true),
        ("hyper_util::client::legacy::pool", Level::TRACE, false),
        ("rustls", Level::DEBUG, true),
        ("rustls_platform", Level::DEBUG, false),
        ("lambdaroute_proxy_else", Level::DEBUG, false),
    ] {
        assert_eq!(is_told(target, level), told, "{target} {level}");
    }
}
