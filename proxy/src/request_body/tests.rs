//! A held body is sent whole, as often as it must.

use http_body_util::BodyExt;

use super::*;
use crate::body_memory::{BodyMemory, Budget, RouteBodyMemory};

#[tokio::test]
async fn a_body_can_be_sent_twice_and_is_given_back_after_its_last_use() {
    let process = Arc::new(BodyMemory::new(400));
    let mut reservation = Budget { process: &process, route: &RouteBodyMemory::default() }.reservation();
    reservation.grow_to(7).unwrap();
    let pieces = vec![Bytes::from("one"), Bytes::from(" two")];
    let held = Arc::new(Held { pieces, length: 7, _reservation: reservation });
    for _ in 0..2 {
        let body = RequestBody::new(Some(held.clone()));
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(7), false));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "one two");
    }
    let sent = RequestBody::new(Some(held));
    assert_eq!(process.used(), 7);
    drop(sent);
    assert_eq!(process.used(), 0);
}

#[test]
fn no_body_ends_at_once() {
    let body = RequestBody::default();
    assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
}

/// All that is left, by as many bytes at once.
fn written(mut unsent: Unsent, at_once: usize) -> Vec<u8> {
    let mut written = Vec::new();
    while unsent.has_remaining() {
        let mut slots = [IoSlice::new(&[]); 3];
        let filled = unsent.chunks_vectored(&mut slots);
        let seen: Vec<u8> = slots[..filled].iter().flat_map(|slot| slot.iter().copied()).collect();
        assert!(seen.starts_with(unsent.chunk()) && !unsent.chunk().is_empty());
        let taken = seen.len().min(at_once);
        written.extend_from_slice(&seen[..taken]);
        unsent.advance(taken);
    }
    assert_eq!((unsent.chunk(), unsent.chunks_vectored(&mut [IoSlice::new(&[])])), (&b""[..], 0));
    written
}

#[test]
fn a_body_is_the_same_however_much_of_it_a_connection_takes() {
    let pieces: Vec<Bytes> = ["a", "bcd", "ef", "ghijkl", "m"].map(Bytes::from).into();
    let process = Arc::new(BodyMemory::new(400));
    let reservation = Budget { process: &process, route: &RouteBodyMemory::default() }.reservation();
    let held = Arc::new(Held { pieces, length: 13, _reservation: reservation });
    for at_once in 1..=14 {
        let unsent = RequestBody::new(Some(held.clone())).0.unwrap();
        assert_eq!(written(unsent, at_once), b"abcdefghijklm", "{at_once} at once");
    }
}
