//! Accepts connections: TLS handshakes side by side, each in bounded time, so that a slow one holds nobody up.

use std::io;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes under way at once.
const AT_ONCE: usize = 64;

pub(super) fn accept(
    listener: TcpListener,
    tls: TlsAcceptor,
    stop: CancellationToken,
) -> ReceiverStream<io::Result<TlsStream<TcpStream>>> {
    let (sender, receiver) = mpsc::channel(AT_ONCE);
    tokio::spawn(async move {
        loop {
            // A place is taken before the connection: more than AT_ONCE wait in the kernel's queue.
            let place = tokio::select! {
                () = stop.cancelled() => return,
                place = sender.clone().reserve_owned() => place,
            };
            let Ok(place) = place else { return };
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, peer)) = accepted else {
                // Out of descriptors, mostly: a moment's rest, then on.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let tls = tls.clone();
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                    Ok(Ok(stream)) => drop(place.send(Ok(stream))),
                    Ok(Err(error)) => debug!(%peer, error = %error, "a tls handshake failed"),
                    Err(_) => debug!(%peer, "a tls handshake took too long"),
                }
            });
        }
    });
    ReceiverStream::new(receiver)
}
