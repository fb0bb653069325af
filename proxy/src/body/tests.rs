//! Bodies are held up to the limit, hashed as they came, and refused beyond it.

use std::convert::Infallible;

use futures::stream;
use http_body::Frame;
use http_body_util::StreamBody;

use super::*;
use crate::body_memory::{BodyMemory, Budget, RouteBodyMemory};
use crate::sign::PayloadHash;

const IDLE: Duration = Duration::from_secs(30);

fn pieces(pieces: Vec<Vec<u8>>) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
    StreamBody::new(stream::iter(pieces.into_iter().map(|piece| Ok(Frame::data(Bytes::from(piece))))))
}

/// A budget that one route's bodies of this size fit in.
fn memory(size: usize) -> (Arc<BodyMemory>, RouteBodyMemory) {
    (Arc::new(BodyMemory::new(4 * size)), RouteBodyMemory::default())
}

async fn received(headers: &HeaderMap, body: Vec<Vec<u8>>, size: usize) -> Result<Received, Cause> {
    let (process, route) = memory(size);
    receive(headers, &mut pieces(body), &mut false, MAX_BODY, IDLE, Budget { process: &process, route: &route })
        .await
        .map_err(|refused| refused.cause)
}

fn of_length(length: u64) -> HeaderMap {
    [(CONTENT_LENGTH, HeaderValue::from(length))].into_iter().collect()
}

#[tokio::test]
async fn a_body_in_pieces_is_one_body_with_its_hash() {
    let large: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
    for whole in [&b""[..], b"one", b"one and two and three", &large] {
        for piece in [1, 4, 5000, 70_000] {
            let body = whole.chunks(piece).map(<[u8]>::to_vec).collect();
            let received = received(&HeaderMap::new(), body, 1 << 20).await.ok().unwrap();
            let sent = received.held.as_ref().map(|held| held.pieces.concat()).unwrap_or_default();
            assert_eq!((sent.as_slice(), received.length()), (whole, whole.len()));
            assert_eq!(received.hash, PayloadHash::of(whole));
        }
    }
}

#[tokio::test]
async fn a_body_of_many_tiny_pieces_is_held_in_few() {
    let body = vec![vec![7]; 100_000];
    let received = received(&HeaderMap::new(), body, 1 << 20).await.ok().unwrap();
    assert!(received.held.unwrap().pieces.len() < 10);
}

#[tokio::test]
async fn large_pieces_and_a_small_whole_are_not_copied() {
    let mut one = pieces(vec![vec![1; 100]]);
    let (process, route) = memory(1 << 20);
    let small =
        receive(&of_length(100), &mut one, &mut false, MAX_BODY, IDLE, Budget { process: &process, route: &route })
            .await
            .ok()
            .unwrap();
    assert_eq!(small.held.unwrap().pieces.len(), 1);
    let large = received(&HeaderMap::new(), vec![vec![1; 32 * 1024], vec![2; 40_000]], 1 << 20).await.ok().unwrap();
    assert_eq!(large.held.unwrap().pieces.len(), 2);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_while_it_is_counted() {
    let half = vec![0; MAX_BODY as usize / 2];
    assert!(received(&HeaderMap::new(), vec![half.clone(); 2], 1 << 24).await.is_ok(), "exactly the limit");
    let more = vec![half.clone(), half, vec![0]];
    assert_eq!(received(&HeaderMap::new(), more, 1 << 24).await.err(), Some(Cause::RequestTooLarge));
}

#[test]
fn a_length_over_the_limit_is_refused_before_anything_is_read() {
    assert!(check_length(&of_length(MAX_BODY), MAX_BODY).is_ok());
    assert_eq!(check_length(&of_length(MAX_BODY + 1), MAX_BODY).err().unwrap().cause, Cause::RequestTooLarge);
    assert_eq!(check_length(&of_length(11), 10).err().unwrap().cause, Cause::RequestTooLarge);
}

#[tokio::test]
async fn a_body_that_has_no_room_is_refused_and_takes_nothing() {
    let (process, route) = memory(1000);
    let mut body = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
    let refused =
        receive(&of_length(1001), &mut body, &mut false, MAX_BODY, IDLE, Budget { process: &process, route: &route })
            .await
            .err()
            .unwrap();
    assert_eq!((refused.cause, refused.retry_after), (Cause::Overloaded, Some(HeaderValue::from_static("1"))));
    assert_eq!(process.used(), 0, "refused by its declared length, before anything is read");
    let refused = received(&HeaderMap::new(), vec![vec![0; 600], vec![0; 600]], 1000).await.err();
    assert_eq!(refused, Some(Cause::Overloaded), "one that says no length is refused as it grows");
}

#[tokio::test]
async fn a_body_takes_what_has_come_of_it_and_gives_it_back_when_it_was_sent() {
    let (process, route) = memory(1 << 20);
    let held = process.clone();
    let budget = Budget { process: &process, route: &route };
    let mut used = Vec::new();
    let pieces = (0..4).map(|_| {
        used.push(held.used());
        Ok::<_, Infallible>(Frame::data(Bytes::from(vec![0; 10_000])))
    });
    let mut body = StreamBody::new(stream::iter(pieces));
    let received = receive(&of_length(40_000), &mut body, &mut true, MAX_BODY, IDLE, budget).await.ok().unwrap();
    assert_eq!(process.used(), 40_000);
    drop(received);
    assert_eq!(process.used(), 0);
    assert_eq!(used, [0, 16_384, 32_768, 32_768], "never what was only declared");
}

#[tokio::test]
async fn a_large_body_that_is_all_there_leaves_others_their_turns() {
    let (process, route) = memory(1 << 24);
    let turns = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let others = tokio::spawn({
        let turns = turns.clone();
        async move {
            loop {
                turns.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }
    });
    let mut body = pieces(vec![vec![0; 64 * 1024]; 80]);
    let budget = Budget { process: &process, route: &route };
    receive(&HeaderMap::new(), &mut body, &mut false, MAX_BODY, IDLE, budget).await.ok().unwrap();
    others.abort();
    assert!(turns.load(std::sync::atomic::Ordering::Relaxed) >= 20, "once every 256 KiB of 5 MiB");
}

#[tokio::test]
async fn a_body_that_ends_before_its_declared_length_is_refused() {
    let (process, route) = memory(1 << 20);
    let budget = Budget { process: &process, route: &route };
    let refused = receive(&of_length(11), &mut pieces(vec![vec![0; 10]]), &mut true, MAX_BODY, IDLE, budget).await;
    assert_eq!((refused.err().map(|refused| refused.cause), process.used()), (Some(Cause::BadRequest), 0));
}

#[tokio::test(start_paused = true)]
async fn a_large_body_must_be_whole_within_minutes() {
    let (process, route) = memory(1 << 24);
    let budget = Budget { process: &process, route: &route };
    let begun = Instant::now();
    let steady = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(vec![0; 2 * 1024]))), ()))
    });
    let mut body = StreamBody::new(Box::pin(steady));
    let refused = receive(&of_length(MAX_BODY), &mut body, &mut true, MAX_BODY, IDLE, budget).await.err().unwrap();
    assert_eq!(refused.cause, Cause::RequestTimeout);
    assert_eq!(begun.elapsed(), IDLE + LONGEST);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_pauses_for_too_long_is_told_so() {
    let mut body = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
    let (process, route) = memory(1000);
    let refused =
        receive(&of_length(10), &mut body, &mut false, MAX_BODY, IDLE, Budget { process: &process, route: &route })
            .await
            .err()
            .unwrap();
    assert_eq!((refused.cause, process.used()), (Cause::RequestTimeout, 0));
}

/// One byte every so often.
fn dribble(every: Duration, count: usize) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
    StreamBody::new(Box::pin(stream::unfold(count, move |left| async move {
        tokio::time::sleep(every).await;
        Some((Ok(Frame::data(Bytes::from_static(b"x"))), left.checked_sub(1)?))
    })))
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_sends_a_byte_now_and_then_is_told_so_though_no_pause_is_too_long() {
    let (process, route) = memory(1 << 20);
    let begun = Instant::now();
    let budget = Budget { process: &process, route: &route };
    let mut body = dribble(IDLE / 3, 100);
    let refused = receive(&of_length(100), &mut body, &mut false, MAX_BODY, IDLE, budget).await.err().unwrap();
    assert_eq!((refused.cause, process.used()), (Cause::RequestTimeout, 0));
    assert!(begun.elapsed() < 2 * IDLE);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_slowly_but_steadily_is_taken() {
    let (process, route) = memory(1 << 20);
    let steady = stream::unfold(100, |left: u32| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(vec![0; 8 * 1024]))), left.checked_sub(1)?))
    });
    let mut body = StreamBody::new(Box::pin(steady));
    let budget = Budget { process: &process, route: &route };
    let received = receive(&HeaderMap::new(), &mut body, &mut false, MAX_BODY, IDLE, budget).await.ok().unwrap();
    assert_eq!(received.length(), 100 * 8 * 1024);
}
