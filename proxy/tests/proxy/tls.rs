//! TLS towards function URLs.

use std::sync::{Arc, Mutex};

use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{HandshakeKind, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::controller::{Authority, Controller, route, version};
use crate::process::{CREDENTIALS, Proxy, arguments, free_port, variables};
use crate::requests::{get, local};
use crate::upstream::Upstream;

type Certificate = rcgen::CertifiedKey<rcgen::KeyPair>;

/// An origin with TLS that closes each connection after its answer, and the handshakes that it has seen.
struct Origin {
    port: u16,
    handshakes: Arc<Mutex<Vec<HandshakeKind>>>,
}

impl Origin {
    async fn start(certificate: &Certificate) -> Self {
        let key = PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.cert.der().clone()], key.into())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let handshakes = Arc::new(Mutex::new(Vec::new()));
        let seen = handshakes.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // Who doesn't believe the certificate leaves.
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                seen.lock().unwrap().extend(stream.get_ref().1.handshake_kind());
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
                stream.write_all(answer).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        Origin { port, handshakes }
    }
}

/// A proxy before an origin with this certificate, that trusts these, and the port of its route.
async fn serving(certificate: &Certificate, trusted: &Certificate) -> (Origin, Proxy, u16, impl Sized) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("trusted.pem");
    std::fs::write(&file, trusted.cert.pem()).unwrap();
    let origin = Origin::start(certificate).await;
    let authority = Authority::in_directory(directory.path());
    let mut controller = Controller::start(&authority).await;
    let sts = Upstream::start().await;
    let mut arguments = arguments(directory.path(), &authority, &[controller.address], &sts);
    *arguments.last_mut().unwrap() = format!("https://localhost:{}", origin.port);
    let endpoint = sts.url();
    let mut variables = variables(&endpoint, &CREDENTIALS);
    let file = file.display().to_string();
    variables.push(("SSL_CERT_FILE", &file));
    let proxy = Proxy::start(&arguments, &variables).await;
    let port = free_port();
    let mut session = controller.session().await;
    session.snapshot(version(1, 1), &[route("orders", port)]);
    session.outcomes(1).await;
    let admin = proxy.admin;
    crate::eventually("readiness", || async move { get(admin, "/readyz").await.status == 200 }).await;
    (origin, proxy, port, (directory, controller, session, sts))
}

#[tokio::test]
async fn a_new_connection_takes_up_the_tls_session_of_the_one_before() {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (origin, _proxy, port, _rest) = serving(&certificate, &certificate).await;
    for _ in 0..3 {
        let answer = get(local(port), "/").await;
        assert_eq!((answer.status, answer.text()), (200, "ok".to_owned()));
    }
    let handshakes = origin.handshakes.lock().unwrap().clone();
    assert_eq!(handshakes, [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed]);
}

#[tokio::test]
async fn nothing_is_sent_to_whom_no_trusted_certificate_names() {
    let named = |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let (ours, other_name) = (named("localhost"), named("other.example"));
    for (what, certificate, trusted) in
        [("not trusted", &named("localhost"), &ours), ("another's", &other_name, &other_name)]
    {
        let (origin, _proxy, port, _rest) = serving(certificate, trusted).await;
        let answer = get(local(port), "/").await;
        assert_eq!(
            (answer.status, answer.json()["type"].as_str()),
            (502, Some("https://lambdaroute.dev/problems/upstream_unreachable")),
            "{what}"
        );
        assert!(!answer.text().contains("ertificate"), "{what}: the reason is the operator's: {}", answer.text());
        assert!(origin.handshakes.lock().unwrap().is_empty(), "{what}");
    }
}
