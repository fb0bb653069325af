//! How long an answer is looked into before it passes. With a clock that stands.

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use super::*;

/// The body of an answer that comes in these pieces, each after its pause.
async fn answer(pieces: &'static [(u64, &'static str)]) -> Incoming {
    let (near, mut far) = tokio::io::duplex(1024);
    tokio::spawn(async move {
        far.read_exact(&mut [0; 16]).await.unwrap();
        far.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 21\r\n\r\n").await.unwrap();
        for (seconds, piece) in pieces {
            sleep(Duration::from_secs(*seconds)).await;
            far.write_all(piece.as_bytes()).await.unwrap();
        }
        // Its end is the length's.
        std::future::pending::<()>().await;
    });
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(near)).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("/").body(http_body_util::Empty::<Bytes>::new()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    // Else the connection would close.
    tokio::spawn(async move {
        let _sender = sender;
        std::future::pending::<()>().await;
    });
    response.into_body()
}

#[tokio::test(start_paused = true)]
async fn a_first_byte_that_comes_late_is_not_waited_for_and_not_lost() {
    let mut body = answer(&[(60, "Internal Server Error")]).await;
    let begun = Instant::now();
    let (start, ended) = read_start(&mut body, 1).await.map_err(|_| ()).unwrap();
    assert_eq!((&start[..], ended, begun.elapsed().as_secs()), (&b""[..], false, PEEK_TIMEOUT.as_secs()));
    assert_eq!(classify(http::StatusCode::BAD_GATEWAY, None, &start), Verdict::Function, "it passes as it is");
    assert_eq!(body.collect().await.unwrap().to_bytes(), "Internal Server Error");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_stalls_is_judged_by_what_has_come() {
    let mut body = answer(&[(1, "Internal "), (60, "Server Error")]).await;
    let begun = Instant::now();
    let (start, ended) = read_start(&mut body, PEEK_LIMIT).await.map_err(|_| ()).unwrap();
    assert_eq!((&start[..], ended), (&b"Internal "[..], false));
    assert_eq!(begun.elapsed().as_secs(), 1 + PEEK_TIMEOUT.as_secs());
    assert_eq!(body.collect().await.unwrap().to_bytes(), "Server Error", "the rest follows what was read");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_comes_at_once_is_read_to_its_end() {
    let mut body = answer(&[(0, "Internal "), (1, "Server Error")]).await;
    let (start, ended) = read_start(&mut body, PEEK_LIMIT).await.map_err(|_| ()).unwrap();
    assert_eq!((&start[..], ended), (&b"Internal Server Error"[..], true));
}
