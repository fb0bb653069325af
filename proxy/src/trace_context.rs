//! Trace context (W3C Trace Context, <https://www.w3.org/TR/trace-context/>), and the same for X-Ray. Pure.
//!
//! - A valid `traceparent` passes as it is, with its `tracestate`: the proxy reports no spans, so it must not put one
//!   between caller and function that nobody knows. `X-Amzn-Trace-Id` is set from it, whatever the caller said there.
//! - Without one, a valid `X-Amzn-Trace-Id` of the caller is honoured, and `traceparent` is set from it.
//! - Without either, a trace begins here. X-Ray decides then whether it is sampled. An invalid `traceparent` counts as none,
//!   and its `tracestate` goes with it.

use http::{HeaderMap, HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

const HEX: &[u8; 16] = b"0123456789abcdef";

/// 16 bytes in hex.
pub(crate) type TraceId = [u8; 32];
/// 8 bytes in hex.
type SpanId = [u8; 16];

/// What a new trace is made of. Chance, not secrecy: ids must be unlikely to meet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fresh {
    /// Since the epoch; X-Ray's ids begin with it.
    pub(crate) seconds: u32,
    pub(crate) random: [u8; 20],
}

impl Fresh {
    fn trace_id(&self) -> TraceId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&self.seconds.to_be_bytes());
        bytes[4..].copy_from_slice(&self.random[..12]);
        // All zeros are no id.
        bytes[15] |= 1;
        hex(&bytes)
    }

    fn span_id(&self) -> SpanId {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.random[12..]);
        bytes[7] |= 1;
        hex(&bytes)
    }
}

struct Context {
    trace_id: TraceId,
    parent: Option<SpanId>,
    /// None: whoever traces decides.
    sampled: Option<bool>,
}

/// Gives a request its trace, and says which.
pub(crate) fn propagate(headers: &mut HeaderMap, fresh: impl FnOnce() -> Fresh) -> TraceId {
    if let Some(context) = only(headers, &TRACEPARENT).and_then(parse_traceparent) {
        headers.insert(X_AMZN_TRACE_ID, x_amzn_trace_id(&context));
        return context.trace_id;
    }
    headers.remove(TRACESTATE);
    let fresh = fresh();
    let context = only(headers, &X_AMZN_TRACE_ID).and_then(parse_x_amzn_trace_id);
    let context = context.unwrap_or_else(|| Context { trace_id: fresh.trace_id(), parent: None, sampled: None });
    headers.insert(TRACEPARENT, traceparent(&context, context.parent.unwrap_or_else(|| fresh.span_id())));
    headers.insert(X_AMZN_TRACE_ID, x_amzn_trace_id(&context));
    context.trace_id
}

/// The value of a header that is there once. Twice is not at all (section 3.2).
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value.as_bytes())
}

/// `version-trace_id-parent_id-flags`, section 3.2.2. What a version above 00 has more is not ours to judge.
fn parse_traceparent(value: &[u8]) -> Option<Context> {
    let (fields, rest) = value.split_at_checked(55)?;
    let version = lower_hex::<2>(fields.get(..2)?)?;
    let well_ended = if version == *b"00" { rest.is_empty() } else { rest.first().is_none_or(|next| *next == b'-') };
    if version == *b"ff" || !well_ended || [fields[2], fields[35], fields[52]] != [b'-'; 3] {
        return None;
    }
    let flags = lower_hex::<2>(&fields[53..])?;
    let sampled = digit(flags[1]) & 1 == 1;
    Some(Context { trace_id: id(&fields[3..35])?, parent: Some(id(&fields[36..52])?), sampled: Some(sampled) })
}

/// `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=<0|1|?>`, in any order, with more fields that are not ours.
/// Source: <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
fn parse_x_amzn_trace_id(value: &[u8]) -> Option<Context> {
    let (mut root, mut parent, mut sampled) = (None, None, None);
    for field in value.split(|b| *b == b';').map(<[u8]>::trim_ascii) {
        if let Some(value) = field.strip_prefix(b"Root=") {
            root = Some(parse_root(value)?);
        } else if let Some(value) = field.strip_prefix(b"Parent=") {
            parent = Some(id(value)?);
        } else if let Some(value) = field.strip_prefix(b"Sampled=") {
            sampled = match value {
                b"0" => Some(false),
                b"1" => Some(true),
                b"?" => None,
                _ => return None,
            };
        }
    }
    Some(Context { trace_id: root?, parent, sampled })
}

fn parse_root(value: &[u8]) -> Option<TraceId> {
    let (time, unique) = (value.strip_prefix(b"1-")?.get(..8)?, value.get(11..)?);
    if value.get(10) != Some(&b'-') || unique.len() != 24 {
        return None;
    }
    let mut text = [0; 32];
    text[..8].copy_from_slice(time);
    text[8..].copy_from_slice(unique);
    id(&text)
}

/// Lower hex, and not all zeros.
fn id<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    lower_hex(text).filter(|id: &[u8; N]| id.iter().any(|digit| *digit != b'0'))
}

fn lower_hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let text: [u8; N] = text.try_into().ok()?;
    text.iter().all(|b| HEX.contains(b)).then_some(text)
}

fn digit(hex: u8) -> u8 {
    match hex {
        b'0'..=b'9' => hex - b'0',
        _ => hex.wrapping_sub(b'a').wrapping_add(10),
    }
}

fn hex<const N: usize, const M: usize>(bytes: &[u8; N]) -> [u8; M] {
    let mut text = [b'0'; M];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = HEX[usize::from(byte >> 4)];
        pair[1] = HEX[usize::from(byte & 15)];
    }
    text
}

fn traceparent(context: &Context, parent: SpanId) -> HeaderValue {
    let mut text = Vec::with_capacity(55);
    text.extend_from_slice(b"00-");
    text.extend_from_slice(&context.trace_id);
    text.push(b'-');
    text.extend_from_slice(&parent);
    text.extend_from_slice(if context.sampled == Some(true) { b"-01" } else { b"-00" });
    value(text)
}

fn x_amzn_trace_id(context: &Context) -> HeaderValue {
    // Exactly as long: what is left over would be given back, by another allocation.
    let length = 40 + context.parent.map_or(0, |_| 24) + context.sampled.map_or(0, |_| 10);
    let mut text = Vec::with_capacity(length);
    let (time, unique) = context.trace_id.split_at(8);
    text.extend_from_slice(b"Root=1-");
    text.extend_from_slice(time);
    text.push(b'-');
    text.extend_from_slice(unique);
    if let Some(parent) = &context.parent {
        text.extend_from_slice(b";Parent=");
        text.extend_from_slice(parent);
    }
    if let Some(sampled) = context.sampled {
        text.extend_from_slice(if sampled { b";Sampled=1" } else { b";Sampled=0" });
    }
    value(text)
}

/// Of hex digits and ASCII words: always a value.
fn value(text: Vec<u8>) -> HeaderValue {
    HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests;
