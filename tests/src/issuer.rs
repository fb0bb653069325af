//! An issuer of JSON Web Tokens: a discovery document and a key set over TLS, and tokens signed with the present key
//! (Ed25519). Keys can be rotated, answers scripted; what was asked for is counted.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{KeyPair, PKCS_ED25519, SigningKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use crate::gate::tls;

/// Where the discovery document is.
pub const DISCOVERY: &str = "/.well-known/openid-configuration";
/// Where the keys are.
pub const JWKS: &str = "/jwks";

struct Script {
    key: KeyPair,
    kid: u32,
    answers: BTreeMap<String, Response<Bytes>>,
    asked: BTreeMap<String, usize>,
    connections: usize,
}

/// A running issuer. It ends with its value.
pub struct Issuer {
    /// Its name in tokens, and its URL.
    pub url: String,
    /// The CA of its certificate, PEM.
    pub authority: String,
    script: Arc<Mutex<Script>>,
    _server: AbortOnDropHandle<()>,
}

impl Issuer {
    /// An issuer with one key.
    ///
    /// # Errors
    /// When it can't listen.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("open the issuer")?;
        let url = format!("https://{}", listener.local_addr()?);
        let (acceptor, authority) = tls::server()?;
        let (answers, asked) = (BTreeMap::new(), BTreeMap::new());
        let script = Arc::new(Mutex::new(Script { key: key()?, kid: 1, answers, asked, connections: 0 }));
        let (acceptor, authority) = (acceptor.context("no TLS")?, authority.context("no CA")?);
        let server = AbortOnDropHandle::new(tokio::spawn(serve(listener, acceptor, url.clone(), script.clone())));
        Ok(Self { url, authority, script, _server: server })
    }

    /// Where its keys are.
    pub fn jwks(&self) -> String {
        format!("{}{JWKS}", self.url)
    }

    /// Signs with a new key from now on, and publishes that alone.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn rotate(&self) -> anyhow::Result<()> {
        let mut script = lock(&self.script);
        script.key = key()?;
        script.kid += 1;
        Ok(())
    }

    /// Answers a path otherwise from now on.
    pub fn answer(&self, path: &str, answer: Response<Bytes>) {
        lock(&self.script).answers.insert(path.to_owned(), answer);
    }

    /// Answers 503 to everything from now on.
    ///
    /// # Errors
    /// When the answer can't be made.
    pub fn fail(&self) -> anyhow::Result<()> {
        for path in [DISCOVERY, JWKS] {
            self.answer(path, Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).body(Bytes::new())?);
        }
        Ok(())
    }

    /// Answers rightly again.
    pub fn recover(&self) {
        lock(&self.script).answers.clear();
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        lock(&self.script).asked.get(path).copied().unwrap_or_default()
    }

    /// How often somebody connected.
    pub fn connections(&self) -> usize {
        lock(&self.script).connections
    }

    /// The id of the present key.
    pub fn kid(&self) -> String {
        lock(&self.script).kid()
    }

    /// A token for an audience, an hour long, with more claims (an object) laid over.
    ///
    /// # Errors
    /// When it can't be signed.
    pub fn token(&self, audience: &str, more: &Value) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let hour = Duration::from_secs(3600);
        let mut claims = json!({
            "iss": self.url, "aud": audience, "sub": "somebody", "iat": now.as_secs(), "exp": (now + hour).as_secs(),
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        let script = lock(&self.script);
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": script.kid()});
        let signed = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        let signature = script.key.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", encoded(signature)))
    }
}

impl Script {
    fn kid(&self) -> String {
        format!("key-{}", self.kid)
    }
}

fn key() -> anyhow::Result<KeyPair> {
    KeyPair::generate_for(&PKCS_ED25519).context("make a key")
}

/// Base64url without padding (RFC 7515).
fn encoded(bytes: impl AsRef<[u8]>) -> String {
    aws_smithy_types::base64::encode(bytes).replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned()
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, url: String, script: Arc<Mutex<Script>>) {
    while let Ok((stream, _)) = listener.accept().await {
        lock(&script).connections += 1;
        let (acceptor, url, script) = (acceptor.clone(), url.clone(), script.clone());
        tokio::spawn(async move {
            // A caller that doesn't trust us ends its own connection, nothing else.
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|request: Request<Incoming>| {
                let answer = answer(&url, &mut lock(&script), request.uri().path());
                async { Ok::<_, std::convert::Infallible>(answer.map(Full::new)) }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn answer(url: &str, script: &mut Script, path: &str) -> Response<Bytes> {
    *script.asked.entry(path.to_owned()).or_default() += 1;
    if let Some(answer) = script.answers.get(path) {
        return answer.clone();
    }
    let body = match path {
        DISCOVERY => json!({"issuer": url, "jwks_uri": format!("{url}{JWKS}")}),
        JWKS => json!({"keys": [{
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": script.kid(),
            "x": encoded(script.key.public_key_raw()),
        }]}),
        _ => {
            let mut missing = Response::new(Bytes::new());
            *missing.status_mut() = StatusCode::NOT_FOUND;
            return missing;
        }
    };
    let mut answer = Response::new(Bytes::from(body.to_string()));
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    answer
}
