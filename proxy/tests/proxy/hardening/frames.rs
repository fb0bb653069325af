//! Frames of HTTP/2 (RFC 9113 section 4), written by hand and read as far as is needed to tell an answer.

use super::replies::{cause, function};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// RFC 9113 section 7, by number.
const ERRORS: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Headers as literals that nobody is to remember (RFC 7541 section 6.2.2).
pub(crate) fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(0);
        for text in [name, value] {
            push_length(&mut block, text.len());
            block.extend(text.as_bytes());
        }
    }
    block
}

/// An integer with a prefix of seven bits (RFC 7541 section 5.1).
fn push_length(block: &mut Vec<u8>, length: usize) {
    if length < 127 {
        block.push(u8::try_from(length).unwrap());
        return;
    }
    block.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap());
}

/// What was said on the streams, and how the connection ended.
pub(crate) fn told(bytes: &[u8]) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut body = Vec::new();
    let mut rest = bytes;
    while rest.len() >= 9 {
        let length = usize::from(rest[0]) << 16 | usize::from(rest[1]) << 8 | usize::from(rest[2]);
        let (kind, payload) = (rest[3], &rest[9..(9 + length).min(rest.len())]);
        let error = |at: usize| payload.get(at + 3).and_then(|code| ERRORS.get(usize::from(*code))).unwrap_or(&"?");
        match kind {
            HEADERS => told.push(status(payload)),
            DATA => {
                body.extend(payload);
                if let (Ok::<serde_json::Value, _>(json), Some(last)) = (serde_json::from_slice(&body), told.last_mut())
                {
                    body.clear();
                    *last = match json["target"].is_string() {
                        true => format!("{last} ({})", function(&json)),
                        false => format!("{last} `{}`", cause(&json)),
                    };
                }
            }
            RST_STREAM => told.push(format!("RST_STREAM {}", error(0))),
            // The idle connection's own end says no more than that it has ended.
            GOAWAY if *error(4) != "NO_ERROR" => told.push(format!("GOAWAY {}", error(4))),
            _ => {}
        }
        rest = &rest[(9 + length).min(rest.len())..];
    }
    told.dedup();
    if told.is_empty() { "nothing, closed".to_owned() } else { told.join(", ") }
}

/// `:status` stands first: of the static table, or as a literal, Huffman-coded or not.
fn status(block: &[u8]) -> String {
    const INDEXED: [&str; 7] = ["200", "204", "206", "304", "400", "404", "500"];
    let block = &block[block.iter().position(|byte| byte >> 5 != 1).unwrap_or(0)..];
    match block {
        [index @ 0x88..=0x8e, ..] => INDEXED[usize::from(index - 0x88)].to_owned(),
        [0x48 | 0x08, length, text @ ..] if length & 0x80 == 0 => {
            String::from_utf8_lossy(&text[..usize::from(*length)]).into_owned()
        }
        [0x48 | 0x08, length, text @ ..] => digits(&text[..usize::from(length & 0x7f)]),
        _ => "?".to_owned(),
    }
}

/// Digits in the Huffman code of RFC 7541 appendix B: `0` to `2` have five bits, the others six.
fn digits(text: &[u8]) -> String {
    let bits: Vec<u8> = text.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let number = |bits: &[u8]| bits.iter().fold(0, |number, bit| number << 1 | u32::from(*bit));
    let (mut digits, mut at) = (String::new(), 0);
    while at + 5 <= bits.len() {
        let five = number(&bits[at..at + 5]);
        let (digit, length) = match five {
            0..=2 => (five, 5),
            _ if at + 6 <= bits.len() => (number(&bits[at..at + 6]) - 0b01_1001 + 3, 6),
            _ => break,
        };
        let Some(digit) = char::from_digit(digit, 10) else { break };
        digits.push(digit);
        at += length;
    }
    digits
}
