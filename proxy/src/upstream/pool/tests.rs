//! Which connection is used next, and which never again. With a clock that stands.

use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::time::advance;

use super::*;

fn origin(host: &str) -> Arc<Origin> {
    Arc::new(Origin::of_function_url(host).unwrap())
}

const HOST: &str = "abc.lambda-url.eu-west-1.on.aws";

/// A connection that is open, and its other end.
async fn connection() -> (Sender, DuplexStream) {
    let (near, far) = tokio::io::duplex(1024);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(near)).await.unwrap();
    tokio::spawn(connection);
    sender.ready().await.unwrap();
    (sender, far)
}

/// Whether the other end sees the connection's end.
async fn is_closed(far: &mut DuplexStream) -> bool {
    let read = tokio::io::AsyncReadExt::read_u8(far);
    tokio::time::timeout(Duration::from_millis(1), read).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_used_until_it_is_too_old_and_then_closed() {
    let (pool, origin) = (Arc::new(Pool::default()), origin(HOST));
    let (sender, mut far) = connection().await;
    pool.give_back(&origin, sender);
    advance(IDLE - REAP).await;
    let sender = pool.take(&origin).expect("it is young");
    pool.give_back(&origin, sender);
    assert!(!is_closed(&mut far).await);
    // Used, it is as good as new.
    advance(IDLE - REAP).await;
    assert!(!is_closed(&mut far).await);
    tokio::time::sleep(2 * REAP).await;
    assert!(is_closed(&mut far).await, "closed on our side before AWS may do it");
    assert!(pool.take(&origin).is_none());
}

#[tokio::test(start_paused = true)]
async fn the_one_used_last_is_used_next_and_the_others_grow_old() {
    let (pool, origin) = (Arc::new(Pool::default()), origin(HOST));
    let ((first, mut first_far), (second, mut second_far)) = (connection().await, connection().await);
    pool.give_back(&origin, first);
    pool.give_back(&origin, second);
    for _ in 0..IDLE.as_secs() / REAP.as_secs() + 2 {
        tokio::time::sleep(REAP).await;
        let sender = pool.take(&origin).unwrap();
        pool.give_back(&origin, sender);
    }
    assert!(is_closed(&mut first_far).await);
    assert!(!is_closed(&mut second_far).await);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_the_other_end_has_closed_is_not_used() {
    let (pool, origin) = (Arc::new(Pool::default()), origin(HOST));
    let ((open, _far), (closed, far)) = (connection().await, connection().await);
    pool.give_back(&origin, open);
    pool.give_back(&origin, closed);
    drop(far);
    // The connection's own task sees it.
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(pool.take(&origin).is_some_and(|sender| !sender.is_closed()));
    assert!(pool.take(&origin).is_none());
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_the_connection_of_another_origin() {
    let pool = Arc::new(Pool::default());
    let (sender, _far) = connection().await;
    pool.give_back(&origin(HOST), sender);
    assert!(pool.take(&origin("other.lambda-url.eu-west-1.on.aws")).is_none());
    assert!(pool.take(&origin(HOST)).is_some());
}
