//! A cable between two processes: a TCP relay on loopback that a test can cut and mend. For what isn't HTTP/1.1 (the
//! route-table stream), where the gate can't look inside.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A relay to one address. It ends when the last clone goes.
#[derive(Debug, Clone)]
pub struct Cable {
    address: SocketAddr,
    whole: watch::Sender<bool>,
    _stop: Arc<DropGuard>,
}

impl Cable {
    /// Opens a relay to `target`.
    pub async fn to(target: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("open the cable")?;
        let address = listener.local_addr()?;
        let whole = watch::Sender::new(true);
        let stop = CancellationToken::new();
        tokio::spawn(accept(listener, target, whole.clone(), stop.clone()));
        Ok(Self { address, whole, _stop: Arc::new(stop.drop_guard()) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes every connection, and new ones as they come.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Lets new connections through again.
    pub fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, whole: watch::Sender<bool>, stop: CancellationToken) {
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let Ok((mut near, _)) = accepted else { continue };
        let (mut state, stop) = (whole.subscribe(), stop.clone());
        tokio::spawn(async move {
            let relay = async {
                let mut far = TcpStream::connect(target).await?;
                near.set_nodelay(true)?;
                far.set_nodelay(true)?;
                copy_bidirectional(&mut near, &mut far).await
            };
            tokio::select! {
                // First of all: a cut cable must not even knock at the far end.
                biased;
                _ = state.wait_for(|whole| !whole) => {}
                // Either end may hang up: the other sees it.
                _ = relay => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_cut_cable_closes_and_a_mended_one_carries_again() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
        let cable = Cable::to(listener.local_addr().expect("an address")).await.expect("a cable");
        let connected = async || {
            let near = TcpStream::connect(cable.address()).await.expect("a connection");
            (near, listener.accept().await.expect("the far end").0)
        };
        let (mut near, mut far) = connected().await;
        near.write_all(b"x").await.expect("sent");
        assert_eq!(far.read_u8().await.expect("received"), b'x');
        cable.cut();
        assert!(near.read_u8().await.is_err());
        assert!(far.read_u8().await.is_err());
        let mut refused = TcpStream::connect(cable.address()).await.expect("accepted, then closed");
        assert!(refused.read_u8().await.is_err());
        cable.mend();
        let (mut near, mut far) = connected().await;
        far.write_all(b"y").await.expect("sent");
        assert_eq!(near.read_u8().await.expect("received"), b'y');
    }
}
