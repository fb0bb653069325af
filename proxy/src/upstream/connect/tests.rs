//! One bad address of a server costs an attempt, not the connection.

use tokio::net::TcpListener;

use super::*;

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.1"].map(|address| address.parse().unwrap());
    let stream = race(&addresses, port).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_is_silent() {
    // A listener whose queue is full takes no connection and refuses none.
    let silent = tokio::net::TcpSocket::new_v4().unwrap();
    silent.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let silent = silent.listen(0).unwrap();
    let address = silent.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(ATTEMPT_DELAY, TcpStream::connect(address)).await {
        waiting.push(stream);
    }
    let works = TcpListener::bind(("127.0.0.1", address.port())).await.unwrap();
    let stream = race(&[address.ip(), [127, 0, 0, 1].into()], address.port()).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), works.local_addr().unwrap());
}

#[tokio::test]
async fn a_server_without_a_working_address_is_told_as_such() {
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert!(
        matches!(race(&[unused.ip()], unused.port()).await, Err(ConnectError::Tcp(address, _)) if address == unused)
    );
    assert!(matches!(race(&[], 1).await, Err(ConnectError::NoAddress)));
}
