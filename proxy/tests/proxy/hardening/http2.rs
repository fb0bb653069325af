//! What a caller can do wrong over HTTP/2 with prior knowledge. RFC 9113 says what is wrong; each case its section.

use super::Case;
use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame,
};

const PSEUDO: &str = "HTTP/2: headers";
const FLOODS: &str = "HTTP/2: floods and frames";
const MALFORMED: &str = "RST_STREAM PROTOCOL_ERROR";
const CANCEL: [u8; 4] = [0, 0, 0, 8];

type Headers<'a> = &'a [(&'a str, &'a str)];

const GET: [(&str, &str); 4] = [(":method", "GET"), (":scheme", "http"), (":authority", "o"), (":path", "/a")];

fn with(more: Headers<'_>) -> Vec<u8> {
    request(&[&GET[..], more].concat())
}

/// A request of these headers on stream 1.
fn request(headers: Headers<'_>) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(headers))
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |group, what, frames: Vec<u8>, answer| {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(frame(SETTINGS, 0, 0, &[]));
        bytes.extend(frames);
        cases.push(Case { group, what, bytes, answer, reads: true });
    };
    // RFC 9113 section 8.3.
    case(PSEUDO, "a request as it must be", with(&[]), "200 (function: `GET /a`)");
    case(PSEUDO, "no `:path`", request(&GET[..3]), MALFORMED);
    case(PSEUDO, "an empty `:path`", request(&[&GET[..3], &[(":path", "")]].concat()), MALFORMED);
    case(PSEUDO, "a `:path` without a slash", request(&[&GET[..3], &[(":path", "a")]].concat()), MALFORMED);
    case(PSEUDO, "`*` as `:path`", request(&[&GET[..3], &[(":path", "*")]].concat()), "400 `bad_request`");
    case(PSEUDO, "no `:method`", request(&GET[1..]), MALFORMED);
    case(PSEUDO, "no `:scheme`", request(&[GET[0], GET[2], GET[3]]), MALFORMED);
    case(PSEUDO, "neither `:authority` nor Host", request(&[GET[0], GET[1], GET[3]]), "400 `bad_request`");
    case(PSEUDO, "an `:authority` and another Host", with(&[("host", "p")]), "400 `bad_request`");
    case(PSEUDO, "`:path` twice", with(&[(":path", "/b")]), MALFORMED);
    case(PSEUDO, "a pseudo-header after the others", request(&[&[("x-a", "b")], &GET[..]].concat()), MALFORMED);
    case(PSEUDO, "a pseudo-header that isn't there", with(&[(":other", "b")]), "GOAWAY PROTOCOL_ERROR");
    case(PSEUDO, "a pseudo-header of answers", with(&[(":status", "200")]), MALFORMED);
    case(
        PSEUDO,
        "an `:authority` with user information",
        request(&[GET[0], GET[1], (":authority", "user@o"), GET[3]]),
        "400 `bad_request`",
    );
    case(PSEUDO, "CONNECT", request(&[(":method", "CONNECT"), (":authority", "other:443")]), "400 `bad_request`");
    case(
        PSEUDO,
        "CONNECT with a protocol (RFC 8441)",
        request(&[&[(":method", "CONNECT"), (":protocol", "websocket")], &GET[1..]].concat()),
        MALFORMED,
    );
    // RFC 9113 section 8.2.
    case(PSEUDO, "a header's name in upper case", with(&[("X-A", "b")]), "GOAWAY PROTOCOL_ERROR");
    case(PSEUDO, "a line break in a value", with(&[("x-a", "b\r\nhost: p")]), "GOAWAY PROTOCOL_ERROR");
    case(PSEUDO, "a colon in a name", with(&[("x:a", "b")]), "GOAWAY PROTOCOL_ERROR");
    case(PSEUDO, "Connection", with(&[("connection", "x-a")]), MALFORMED);
    case(PSEUDO, "Transfer-Encoding", with(&[("transfer-encoding", "chunked")]), MALFORMED);
    case(PSEUDO, "Upgrade", with(&[("upgrade", "websocket")]), MALFORMED);
    case(PSEUDO, "TE other than trailers", with(&[("te", "gzip")]), MALFORMED);
    case(PSEUDO, "more headers than `--max-header-count`", with(&[("x-a", "b"); 51]), "431 `headers_too_large`");
    let long = "b".repeat(9_000);
    case(PSEUDO, "more bytes of headers than `--max-header-bytes`", with(&[("x-a", &long)]), "431 `headers_too_large`");

    let post = |length: &str, body: &[u8]| {
        let headers = [(":method", "POST"), GET[1], GET[2], GET[3], ("content-length", length)];
        [frame(HEADERS, END_HEADERS, 1, &block(&headers)), frame(DATA, END_STREAM, 1, body)].concat()
    };
    case(FLOODS, "a body as long as it says", post("3", b"abc"), "200 (function: `POST /a`, 3 bytes)");
    case(FLOODS, "a body shorter than it says", post("4", b"abc"), MALFORMED);
    case(FLOODS, "a body longer than it says", post("2", b"abc"), MALFORMED);
    case(
        FLOODS,
        "a part of its body, and then nothing",
        frame(HEADERS, END_HEADERS, 1, &block(&[(":method", "POST"), GET[1], GET[2], GET[3]])),
        "408 `request_timeout`, RST_STREAM NO_ERROR",
    );
    case(
        FLOODS,
        "a body whose length is above the limit",
        {
            let headers = [(":method", "POST"), GET[1], GET[2], GET[3], ("content-length", "6291457")];
            [frame(HEADERS, END_HEADERS, 1, &block(&headers)), frame(DATA, 0, 1, b"abc")].concat()
        },
        "413 `request_too_large`, RST_STREAM NO_ERROR",
    );
    case(
        FLOODS,
        "a body's length, and no byte of it",
        {
            let headers = [(":method", "POST"), GET[1], GET[2], GET[3], ("content-length", "6291456")];
            frame(HEADERS, END_HEADERS, 1, &block(&headers))
        },
        "408 `request_timeout`, RST_STREAM NO_ERROR",
    );
    case(
        FLOODS,
        "a request, and opens no window for its answer for `--send-timeout`",
        {
            // SETTINGS_INITIAL_WINDOW_SIZE
            let closed = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
            [closed, frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&GET))].concat()
        },
        "200, RST_STREAM CANCEL",
    );
    case(FLOODS, "nothing after its preface", Vec::new(), "nothing, closed");
    case(
        FLOODS,
        "a part of its headers, and then nothing",
        frame(HEADERS, END_STREAM, 1, &block(&GET)),
        "nothing, closed",
    );
    case(
        FLOODS,
        "endless headers (CONTINUATION)",
        {
            let more = frame(CONTINUATION, 0, 1, &block(&[("x-a", &"b".repeat(1_000))]));
            [frame(HEADERS, END_STREAM, 1, &block(&GET)), more.repeat(2_000)].concat()
        },
        "GOAWAY ENHANCE_YOUR_CALM",
    );
    case(
        FLOODS,
        "requests that it cancels at once (rapid reset)",
        {
            let reset = |stream| {
                [frame(HEADERS, END_STREAM | END_HEADERS, stream, &block(&GET)), frame(RST_STREAM, 0, stream, &CANCEL)]
                    .concat()
            };
            (0..2_000).flat_map(|index| reset(2 * index + 1)).collect()
        },
        "GOAWAY ENHANCE_YOUR_CALM",
    );
    case(
        FLOODS,
        "more requests at once than `--max-streams-per-connection`",
        {
            let waits = [GET[0], GET[1], GET[2], (":path", "/wait")];
            (0..6).flat_map(|index| frame(HEADERS, END_STREAM | END_HEADERS, 2 * index + 1, &block(&waits))).collect()
        },
        "RST_STREAM REFUSED_STREAM",
    );
    case(FLOODS, "data of no stream", frame(DATA, END_STREAM, 0, b"abc"), "GOAWAY PROTOCOL_ERROR");
    case(FLOODS, "data of a stream that isn't open", frame(DATA, END_STREAM, 5, b"abc"), "GOAWAY PROTOCOL_ERROR");
    case(
        FLOODS,
        "a stream with an even number",
        frame(HEADERS, END_STREAM | END_HEADERS, 2, &block(&GET)),
        "GOAWAY PROTOCOL_ERROR",
    );
    case(
        FLOODS,
        "a window that overflows",
        frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes()),
        "GOAWAY FLOW_CONTROL_ERROR",
    );
    case(FLOODS, "a frame larger than is allowed", frame(DATA, 0, 1, &vec![0; 20_000]), "GOAWAY FRAME_SIZE_ERROR");
    case(
        FLOODS,
        "headers that are no HPACK",
        frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff, 0xff, 0xff, 0xff, 0xff]),
        "GOAWAY PROTOCOL_ERROR",
    );
    case(FLOODS, "settings of an odd length", frame(SETTINGS, 0, 0, &[1, 2, 3]), "GOAWAY PROTOCOL_ERROR");
    cases
}
