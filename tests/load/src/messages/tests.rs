//! Messages end where they end, however the bytes come.

use super::Messages;
use crate::LoadError;

const TWO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 204 No Content\r\nserver: x\r\n\r\n";

fn read(pieces: impl Iterator<Item = Vec<u8>>) -> Result<(Vec<u8>, Vec<Vec<u8>>), LoadError> {
    let (mut messages, mut body, mut heads) = (Messages::default(), Vec::new(), Vec::new());
    for piece in pieces {
        messages.take(
            &piece,
            |bytes| body.extend_from_slice(bytes),
            |head| {
                heads.push(head.to_vec());
                Ok(())
            },
        )?;
    }
    Ok((body, heads))
}

#[test]
fn two_messages_are_two_however_the_stream_is_cut() {
    for size in 1..=TWO.len() {
        let (body, heads) = read(TWO.chunks(size).map(<[u8]>::to_vec)).unwrap();
        assert_eq!(body, b"hello", "pieces of {size}");
        assert_eq!(heads.len(), 2, "pieces of {size}");
        assert!(heads[0].starts_with(b"HTTP/1.1 200") && heads[1].ends_with(b"\r\n\r\n"), "pieces of {size}");
    }
}

#[test]
fn a_message_without_its_last_byte_is_not_complete() {
    let (_, heads) = read(std::iter::once(TWO[..TWO.len() - 1].to_vec())).unwrap();
    assert_eq!(heads.len(), 1);
}

#[test]
fn what_has_no_length_is_refused() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    assert!(matches!(read(std::iter::once(chunked)), Err(LoadError::Malformed(_))));
    let odd = b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n".to_vec();
    assert!(matches!(read(std::iter::once(odd)), Err(LoadError::Malformed(_))));
}
