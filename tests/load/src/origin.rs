//! A function URL that costs next to nothing: it takes every request to its end and answers with the same bytes, over
//! plain TCP or TLS. It can keep one request, so that a benchmark sees what it measures.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::{ServerConfig, ServerConnection};

use crate::messages::Messages;
use crate::poll::Poll;
use crate::{LoadError, failed, pin};

/// As a function URL answers a small request: these headers, with values of these lengths.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Date: Sat, 21 Nov 2026 09:30:00 GMT\r\n\
    Content-Type: application/json\r\n\
    Content-Length: 130\r\n\
    Connection: keep-alive\r\n\
    x-amzn-RequestId: 8f0c3a1e-5d0f-4f3a-9d5c-0f6b5a3d2c1b\r\n\
    X-Amzn-Trace-Id: Root=1-69201f38-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0\r\n\
    \r\n\
    {\"id\":\"42\",\"items\":[{\"sku\":\"a-1\",\"count\":2},{\"sku\":\"b-2\",\"count\":1}],\"total\":\"19.90\",\"currency\":\"EUR\",\"state\":\"on its way to you\"}";

/// What is read at once.
const BUFFER: usize = 256 * 1024;
const LISTENER: usize = usize::MAX;

/// A request as the origin received it.
#[derive(Clone, Debug, Default)]
pub struct Captured {
    /// Request line and headers.
    pub head: Vec<u8>,
    /// The body.
    pub body: Vec<u8>,
}

#[derive(Default)]
struct Wanted {
    wanted: AtomicBool,
    captured: Mutex<Option<Captured>>,
}

/// A running origin. It ends with the process.
pub struct Origin {
    /// Where it listens.
    pub address: SocketAddr,
    wanted: Arc<Wanted>,
}

impl Origin {
    /// Starts one on loopback, on a thread of its own that keeps to `core`. `tls`: speaks TLS alone.
    ///
    /// # Errors
    /// No port can be had, or the thread can't be pinned.
    pub fn start(core: usize, tls: Option<Arc<ServerConfig>>) -> Result<Self, LoadError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed("open the origin"))?;
        let address = listener.local_addr().map_err(failed("open the origin"))?;
        let wanted = Arc::new(Wanted::default());
        let server = Server { listener, tls, wanted: wanted.clone(), connections: Vec::new(), buffer: vec![0; BUFFER] };
        let (started, starting) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let pinned = pin(core);
            let usable = pinned.is_ok();
            let _ = started.send(pinned);
            // What ends it shows at the caller's end, as connections that close.
            if usable {
                let _ = server.run();
            }
        });
        starting.recv().unwrap_or(Err(LoadError::Closed))?;
        Ok(Self { address, wanted })
    }

    /// Forgets what was kept, and keeps the next request.
    pub fn capture(&self) {
        *self.wanted.captured.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.wanted.wanted.store(true, Ordering::SeqCst);
    }

    /// The request that was kept.
    pub fn captured(&self) -> Option<Captured> {
        self.wanted.captured.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

struct Server {
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    wanted: Arc<Wanted>,
    connections: Vec<Option<Connection>>,
    buffer: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    tls: Option<Box<ServerConnection>>,
    messages: Messages,
    body: Vec<u8>,
}

impl Server {
    fn run(mut self) -> Result<(), LoadError> {
        let mut poll = Poll::new()?;
        poll.add(&self.listener, LISTENER, false)?;
        loop {
            for token in poll.wait(3600)? {
                if token == LISTENER {
                    self.accept(&poll)?;
                    continue;
                }
                let Some(Some(connection)) = self.connections.get_mut(token) else { continue };
                // A caller that leaves, or says what can't be read, loses its connection: the benchmark sees that.
                if !matches!(connection.ready(&mut self.buffer, &self.wanted), Ok(true)) {
                    self.connections[token] = None;
                }
            }
        }
    }

    fn accept(&mut self, poll: &Poll) -> Result<(), LoadError> {
        let (stream, _) = self.listener.accept().map_err(failed("accept a connection"))?;
        stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true)).map_err(failed("accept a connection"))?;
        let tls = match &self.tls {
            Some(config) => Some(Box::new(
                ServerConnection::new(config.clone()).map_err(|error| failed("begin TLS")(io::Error::other(error)))?,
            )),
            None => None,
        };
        let token = self.connections.iter().position(Option::is_none).unwrap_or(self.connections.len());
        poll.add(&stream, token, false)?;
        let connection = Connection { stream, tls, messages: Messages::default(), body: Vec::new() };
        if token == self.connections.len() {
            self.connections.push(None);
        }
        self.connections[token] = Some(connection);
        Ok(())
    }
}

impl Connection {
    /// Reads what is there and answers what is complete. `false`: the caller is gone.
    fn ready(&mut self, buffer: &mut [u8], wanted: &Wanted) -> Result<bool, LoadError> {
        let mut complete = 0;
        let open = match &mut self.tls {
            None => {
                let read = self.stream.read(buffer).map_err(failed("read"))?;
                take(&mut self.messages, &mut self.body, &buffer[..read], wanted, &mut complete)?;
                read > 0
            }
            Some(tls) => {
                let read = tls.read_tls(&mut self.stream).map_err(failed("read"))?;
                let state = tls.process_new_packets().map_err(|error| failed("read TLS")(io::Error::other(error)))?;
                let mut plain = state.plaintext_bytes_to_read();
                while plain > 0 {
                    let size = tls.reader().read(buffer).map_err(failed("read TLS"))?;
                    take(&mut self.messages, &mut self.body, &buffer[..size], wanted, &mut complete)?;
                    plain -= size.min(plain);
                }
                read > 0
            }
        };
        for _ in 0..complete {
            match &mut self.tls {
                None => self.stream.write_all(ANSWER).map_err(failed("answer"))?,
                Some(tls) => tls.writer().write_all(ANSWER).map_err(failed("answer"))?,
            }
        }
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                tls.write_tls(&mut self.stream).map_err(failed("answer"))?;
            }
        }
        Ok(open)
    }
}

/// Counts the requests that are complete with these bytes, and keeps one if it is wanted.
fn take(
    messages: &mut Messages,
    body: &mut Vec<u8>,
    bytes: &[u8],
    wanted: &Wanted,
    complete: &mut usize,
) -> Result<(), LoadError> {
    let keep = wanted.wanted.load(Ordering::Relaxed);
    let mut finished = None;
    messages.take(
        bytes,
        |piece| {
            if keep {
                body.extend_from_slice(piece);
            }
        },
        |head| {
            *complete += 1;
            if keep {
                finished = Some(head.to_vec());
            }
            Ok(())
        },
    )?;
    if let Some(head) = finished {
        wanted.wanted.store(false, Ordering::SeqCst);
        let captured = Captured { head, body: std::mem::take(body) };
        *wanted.captured.lock().unwrap_or_else(PoisonError::into_inner) = Some(captured);
    }
    Ok(())
}
