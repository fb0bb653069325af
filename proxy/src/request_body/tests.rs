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
