//! Bodies are held up to the limit, hashed as they came, and refused beyond it.

use std::convert::Infallible;

use futures::stream;
use http::HeaderValue;
use http_body::Frame;
use http_body_util::StreamBody;

use super::*;
use crate::sign::sha256_hex;

const IDLE: Duration = Duration::from_secs(30);

fn pieces(pieces: Vec<Vec<u8>>) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
    StreamBody::new(stream::iter(pieces.into_iter().map(|piece| Ok(Frame::data(Bytes::from(piece))))))
}

#[tokio::test]
async fn a_body_in_pieces_is_one_body_with_its_hash() {
    for whole in [&b""[..], b"one", b"one and two and three"] {
        let body = pieces(whole.chunks(4).map(<[u8]>::to_vec).collect());
        let buffered = buffer(&HeaderMap::new(), body, IDLE).await.ok().unwrap();
        assert_eq!(buffered.bytes, whole);
        assert_eq!(buffered.sha256, sha256_hex(whole));
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_while_it_is_counted() {
    let body = pieces(vec![vec![0; MAX_BODY / 2]; 2]);
    assert!(buffer(&HeaderMap::new(), body, IDLE).await.is_ok(), "exactly the limit");
    let body = pieces(vec![vec![0; MAX_BODY / 2], vec![0; MAX_BODY / 2], vec![0]]);
    assert_eq!(buffer(&HeaderMap::new(), body, IDLE).await.err().unwrap().cause, Cause::RequestTooLarge);
}

#[test]
fn a_length_over_the_limit_is_refused_before_anything_is_read() {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(MAX_BODY));
    assert!(check_length(&headers).is_ok());
    headers.insert(CONTENT_LENGTH, HeaderValue::from(MAX_BODY + 1));
    assert_eq!(check_length(&headers).err().unwrap().cause, Cause::RequestTooLarge);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_pauses_for_too_long_is_told_so() {
    let body = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
    assert_eq!(buffer(&HeaderMap::new(), body, IDLE).await.err().unwrap().cause, Cause::RequestTimeout);
}
