//! What a caller can do wrong over HTTP/1.1. RFC 9112 says what is wrong; each case its section.

use super::Case;

const SLOW: &str = "Slow callers";
const LARGE: &str = "Large heads";
const FRAMING: &str = "Framing and smuggling";
const FORM: &str = "Forms of a request";
const CLOSED: &str = "nothing, closed";
const UNREAD: &str = "a request, and takes nothing of a large answer for `--send-timeout`";
const BAD: &str = "400, closed";
const REFUSED: &str = "400 `bad_request`, closed";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |group, what, bytes: String, answer| {
        cases.push(Case { group, what, bytes: bytes.into_bytes(), answer, reads: what != UNREAD });
    };
    let get = |headers: &str| format!("GET /a HTTP/1.1\r\nhost: o\r\n{headers}\r\n");
    let post = |headers: &str, body: &str| format!("POST /a HTTP/1.1\r\nhost: o\r\n{headers}\r\n{body}");
    let chunked = |body: &str| post("transfer-encoding: chunked\r\n", body);
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: o\r\n\r\n";

    case(SLOW, "nothing at all, for `--header-read-timeout`", String::new(), CLOSED);
    case(SLOW, "a part of its headers", "GET /a HTTP/1.1\r\nhost: o\r\nx-a: ".to_owned(), CLOSED);
    case(
        SLOW,
        "a request, and then a part of the next one's headers",
        get("") + "GET /b HTTP/1.1\r\n",
        "200 (function: `GET /a`)",
    );
    case(
        SLOW,
        "a part of its body, and then nothing for `--body-idle-timeout`",
        post("content-length: 10\r\n", "abc"),
        "408 `request_timeout`, closed",
    );
    case(SLOW, "a part of its chunks", chunked("3\r\nabc\r\n"), "408 `request_timeout`, closed");
    case(
        SLOW,
        "a wish to be asked for its body, and then no body",
        post("content-length: 10\r\nexpect: 100-continue\r\n", ""),
        "100, 408 `request_timeout`, closed",
    );

    case(
        SLOW,
        "a body's length, and no byte of it",
        post("content-length: 6291456\r\n", ""),
        "408 `request_timeout`, closed",
    );
    case(SLOW, UNREAD, "GET /large HTTP/1.1\r\nhost: o\r\n\r\n".to_owned(), "200, reset");

    case(LARGE, "more headers than `--max-header-count`", get(&"x-a: b\r\n".repeat(50)), "431 `headers_too_large`");
    case(LARGE, "more headers than the HTTP library reads (100)", get(&"x-a: b\r\n".repeat(200)), "431, closed");
    case(
        LARGE,
        "more bytes of headers than `--max-header-bytes`",
        get(&format!("x-a: {}\r\n", "b".repeat(9_000))),
        "431 `headers_too_large`",
    );
    case(LARGE, "a megabyte of headers", get(&format!("x-a: {}\r\n", "b".repeat(1 << 20))), "431, closed");
    case(
        LARGE,
        "a target longer than `--max-header-bytes`",
        format!("GET /{} HTTP/1.1\r\nhost: o\r\n\r\n", "a".repeat(9_000)),
        "431 `headers_too_large`",
    );
    case(
        LARGE,
        "a target longer than any (65,534 bytes)",
        format!("GET /{} HTTP/1.1\r\nhost: o\r\n\r\n", "a".repeat(66_000)),
        "431, closed",
    );
    case(
        LARGE,
        "a body whose length is above the limit",
        post("content-length: 6291457\r\n", ""),
        "413 `request_too_large`, closed",
    );
    case(LARGE, "a length that no number holds", post("content-length: 99999999999999999999\r\n", ""), BAD);

    // RFC 9112 section 6.3.
    case(
        FRAMING,
        "Content-Length and Transfer-Encoding, and another request in what one of them says is the body",
        post("content-length: 5\r\ntransfer-encoding: chunked\r\n", &format!("0\r\n\r\n{smuggled}")),
        "200 (function: `POST /a`), closed",
    );
    case(
        FRAMING,
        "the same in the other order",
        post("transfer-encoding: chunked\r\ncontent-length: 5\r\n", &format!("0\r\n\r\n{smuggled}")),
        "200 (function: `POST /a`), closed",
    );
    case(FRAMING, "two Content-Lengths that differ", post("content-length: 3\r\ncontent-length: 4\r\n", "abcd"), BAD);
    case(FRAMING, "a list of Content-Lengths", post("content-length: 3, 4\r\n", "abcd"), BAD);
    case(FRAMING, "a Content-Length with a sign", post("content-length: +3\r\n", "abc"), BAD);
    case(FRAMING, "a negative Content-Length", post("content-length: -3\r\n", "abc"), BAD);
    case(FRAMING, "a Content-Length in hexadecimal", post("content-length: 0x3\r\n", "abc"), BAD);
    case(
        FRAMING,
        "Transfer-Encoding over HTTP/1.0",
        "POST /a HTTP/1.0\r\nhost: o\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        BAD,
    );
    case(
        FRAMING,
        "a Transfer-Encoding that doesn't end in `chunked`",
        post("transfer-encoding: chunked, gzip\r\n", "0\r\n\r\n"),
        BAD,
    );
    case(FRAMING, "an unknown Transfer-Encoding", post("transfer-encoding: xchunked\r\n", "0\r\n\r\n"), BAD);
    case(FRAMING, "a space before a header's colon", post("transfer-encoding : chunked\r\n", "0\r\n\r\n"), BAD);
    // RFC 9112 section 5.2.
    case(FRAMING, "a folded header", get("x-a: b\r\n c\r\n"), BAD);
    case(FRAMING, "a carriage return within a header", get("x-a: b\rcontent-length: 3\r\n"), BAD);
    case(FRAMING, "a zero byte within a header", get("x-a: b\0c\r\n"), BAD);
    case(FRAMING, "a header without a name", get(": b\r\n"), BAD);
    case(FRAMING, "a header without a colon", get("x-a\r\n"), BAD);
    // RFC 9112 section 7.1.
    case(FRAMING, "a chunk whose size is no number", chunked("zz\r\nabc\r\n0\r\n\r\n"), REFUSED);
    case(FRAMING, "a chunk of negative size", chunked("-1\r\nabc\r\n0\r\n\r\n"), REFUSED);
    case(FRAMING, "a chunk whose size no number holds", chunked("fffffffffffffffff\r\nabc\r\n0\r\n\r\n"), REFUSED);
    case(FRAMING, "a chunk that is longer than it says", chunked("3\r\nabcdef\r\n0\r\n\r\n"), REFUSED);
    case(FRAMING, "a chunk size that ends with a line feed alone", chunked("3\nabc\r\n0\r\n\r\n"), REFUSED);
    case(
        FRAMING,
        "an endless chunk extension",
        chunked(&format!("3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(100_000))),
        REFUSED,
    );
    case(
        FRAMING,
        "trailers that would be headers",
        chunked("3\r\nabc\r\n0\r\nhost: other\r\nauthorization: other\r\n\r\n"),
        "200 (function: `POST /a`, 3 bytes)",
    );
    case(FRAMING, "endless trailers", chunked(&format!("0\r\n{}\r\n", "x-a: b\r\n".repeat(20_000))), REFUSED);

    // RFC 9112 section 3.2.
    case(FORM, "no Host", "GET /a HTTP/1.1\r\n\r\n".to_owned(), "400 `bad_request`");
    case(FORM, "two Hosts", "GET /a HTTP/1.1\r\nhost: o\r\nhost: p\r\n\r\n".to_owned(), "400 `bad_request`");
    case(
        FORM,
        "a target with another authority",
        "GET http://other:81/a?b HTTP/1.1\r\nhost: o\r\n\r\n".to_owned(),
        "200 (function: `GET /a?b=`)",
    );
    case(
        FORM,
        "a target with user information",
        "GET http://user:secret@other/a HTTP/1.1\r\nhost: o\r\n\r\n".to_owned(),
        "400 `bad_request`",
    );
    case(FORM, "CONNECT", "CONNECT other:443 HTTP/1.1\r\nhost: other:443\r\n\r\n".to_owned(), "400 `bad_request`");
    case(FORM, "`OPTIONS *`", "OPTIONS * HTTP/1.1\r\nhost: o\r\n\r\n".to_owned(), "400 `bad_request`");
    case(FORM, "`GET *`", "GET * HTTP/1.1\r\nhost: o\r\n\r\n".to_owned(), "400 `bad_request`");
    case(FORM, "a target without a slash", "GET a HTTP/1.1\r\nhost: o\r\n\r\n".to_owned(), "400 `bad_request`");
    case(FORM, "a method in lower case", "get /a HTTP/1.1\r\nhost: o\r\n\r\n".to_owned(), "400 `bad_request`");
    case(FORM, "no method", " /a HTTP/1.1\r\nhost: o\r\n\r\n".to_owned(), BAD);
    case(FORM, "a version that isn't there", "GET /a HTTP/3.7\r\nhost: o\r\n\r\n".to_owned(), BAD);
    case(FORM, "no version", "GET /a\r\n\r\n".to_owned(), BAD);
    case(FORM, "a space in its target", "GET /a b HTTP/1.1\r\nhost: o\r\n\r\n".to_owned(), BAD);
    case(
        FORM,
        "a dot segment, escaped",
        "GET /a/%2e%2e/%2E./b HTTP/1.1\r\nhost: o\r\n\r\n".to_owned(),
        "200 (function: `GET /b`)",
    );
    case(
        FORM,
        "a wish for h2c, with the settings for it",
        get("connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"),
        "200 (function: `GET /a`)",
    );
    case(
        FORM,
        "a wish for WebSocket",
        get("connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"),
        "501 `upgrade_unsupported`",
    );
    case(FORM, "TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\u{7f}\x03\x03\r\n\r\n".to_owned(), BAD);
    cases
}
