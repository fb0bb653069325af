//! A route-table server whose every word the test says.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lambdaroute_proxy_config::v1alpha1::resource::Resource as Kind;
use lambdaroute_proxy_config::v1alpha1::route_table_server::{RouteTable, RouteTableServer};
use lambdaroute_proxy_config::v1alpha1::*;
use lambdaroute_proxy_config::{SERVER_NAME, feature};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::{TcpListenerStream, UnboundedReceiverStream};
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

use crate::soon;

pub(crate) const TOKEN: &str = "a.projected.token";

/// A CA whose certificate is in a file, for controllers to come and go under.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(crate) file: PathBuf,
}

impl Authority {
    pub(crate) fn in_directory(directory: &Path) -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let other = {
            let mut params = CertificateParams::new(vec![]).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
        };
        let file = directory.join("ca.crt");
        // Two, as during a rotation.
        std::fs::write(&file, format!("{other}{}", issuer.pem())).unwrap();
        Authority { issuer, file }
    }
}

/// A controller at an address of its own.
pub(crate) struct Controller {
    pub(crate) address: SocketAddr,
    /// How many streams were asked for, with whatever token.
    pub(crate) asked: Arc<AtomicUsize>,
    sessions: mpsc::UnboundedReceiver<Session>,
    task: tokio::task::JoinHandle<()>,
}

impl Controller {
    pub(crate) async fn start(authority: &Authority) -> Self {
        Self::start_with(authority, SERVER_NAME, true).await
    }

    /// One that answers that it doesn't lead.
    pub(crate) async fn start_standby(authority: &Authority) -> Self {
        Self::start_with(authority, SERVER_NAME, false).await
    }

    /// One whose certificate has another name.
    pub(crate) async fn start_as(authority: &Authority, name: &str) -> Self {
        Self::start_with(authority, name, true).await
    }

    async fn start_with(authority: &Authority, name: &str, leads: bool) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority.issuer).unwrap();
        let tls = ServerTlsConfig::new().identity(Identity::from_pem(certificate.pem(), key.serialize_pem()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sessions_to, sessions) = mpsc::unbounded_channel();
        let asked = Arc::new(AtomicUsize::new(0));
        let server = RouteTableServer::new(Service { sessions: sessions_to, leads, asked: asked.clone() });
        let task = tokio::spawn(async move {
            let server = Server::builder().tls_config(tls).unwrap().add_service(server);
            server.serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap();
        });
        Controller { address, asked, sessions, task }
    }

    /// The next stream of a proxy, its Hello read.
    pub(crate) async fn session(&mut self) -> Session {
        let mut session = soon("a stream of the proxy", self.sessions.recv()).await.unwrap();
        match session.next().await {
            from_proxy::Message::Hello(hello) => session.hello = hello,
            other => panic!("{other:?} came before Hello"),
        }
        session
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Service {
    sessions: mpsc::UnboundedSender<Session>,
    leads: bool,
    asked: Arc<AtomicUsize>,
}

#[tonic::async_trait]
impl RouteTable for Service {
    type StreamStream = Pin<Box<dyn Stream<Item = Result<ToProxy, Status>> + Send>>;

    async fn stream(&self, request: Request<Streaming<FromProxy>>) -> Result<Response<Self::StreamStream>, Status> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if request.metadata().get("authorization").map(|v| v.as_bytes()) != Some(format!("Bearer {TOKEN}").as_bytes()) {
            return Err(Status::unauthenticated("no token"));
        }
        if !self.leads {
            return Err(Status::failed_precondition("this replica doesn't lead"));
        }
        let (to_proxy, outgoing) = mpsc::unbounded_channel();
        let session = Session {
            hello: Hello::default(),
            reports: vec![],
            outcomes: vec![],
            leaving: false,
            from_proxy: request.into_inner(),
            to_proxy,
        };
        let _ = self.sessions.send(session);
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(outgoing))))
    }
}

/// One stream. Dropped: the stream ends.
pub(crate) struct Session {
    pub(crate) hello: Hello,
    pub(crate) reports: Vec<Report>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) leaving: bool,
    from_proxy: Streaming<FromProxy>,
    to_proxy: mpsc::UnboundedSender<Result<ToProxy, Status>>,
}

impl Session {
    pub(crate) fn say(&self, message: to_proxy::Message) {
        self.to_proxy.send(Ok(ToProxy { message: Some(message) })).unwrap();
    }

    /// A whole snapshot, in pieces.
    pub(crate) fn snapshot(&self, version: Version, resources: &[Resource]) {
        self.say(to_proxy::Message::SnapshotBegin(SnapshotBegin { version: Some(version) }));
        for piece in resources.chunks(100) {
            self.change(version, piece, &[]);
        }
        self.say(to_proxy::Message::SnapshotEnd(SnapshotEnd { version: Some(version), kept: vec![] }));
    }

    pub(crate) fn change(&self, version: Version, set: &[Resource], removed: &[ResourceRef]) {
        self.say(to_proxy::Message::Change(Change {
            version: Some(version),
            set: set.to_vec(),
            removed: removed.to_vec(),
        }));
    }

    async fn next(&mut self) -> from_proxy::Message {
        let message = soon("a message of the proxy", self.from_proxy.message()).await;
        message.unwrap().expect("the stream is still up").message.unwrap()
    }

    /// Reads on until it is so.
    pub(crate) async fn until(&mut self, what: &str, is_so: impl Fn(&Session) -> bool) {
        while !is_so(self) {
            match soon(what, self.next()).await {
                from_proxy::Message::Ack(ack) => self.outcomes.extend(ack.outcomes),
                from_proxy::Message::Report(report) => self.reports.push(report),
                from_proxy::Message::Leaving(_) => self.leaving = true,
                from_proxy::Message::Hello(_) => panic!("a second Hello"),
            }
        }
    }

    /// The outcomes of so many resources, as words: `served a`.
    pub(crate) async fn outcomes(&mut self, count: usize) -> Vec<String> {
        self.until("outcomes", |session| session.outcomes.len() >= count).await;
        let words = self.outcomes.drain(..count).map(|outcome| {
            let id = outcome.resource.unwrap().id;
            match outcome.outcome.unwrap() {
                outcome::Outcome::Served(_) => format!("served {id}"),
                outcome::Outcome::Removed(_) => format!("removed {id}"),
                outcome::Outcome::Refused(refusal) => format!("refused {id} {}", refusal.reason().as_str_name()),
            }
        });
        words.collect()
    }

    /// Waits until the stream is ended by the proxy.
    pub(crate) async fn ended(&mut self) {
        soon("the end of the stream", async { while let Ok(Some(_)) = self.from_proxy.message().await {} }).await;
    }
}

pub(crate) const fn version(epoch: u64, counter: u64) -> Version {
    Version { epoch, counter }
}

pub(crate) const HOST: &str = "abc.lambda-url.eu-west-1.on.aws";

/// A route that is signed.
pub(crate) fn route(id: &str, port: u16) -> Resource {
    route_with(id, port, AuthType::AwsIam, feature::FUNCTION_URL)
}

pub(crate) fn route_with(id: &str, port: u16, auth_type: AuthType, requires: &str) -> Resource {
    let url = FunctionUrl {
        host: HOST.to_owned(),
        region: "eu-west-1".to_owned(),
        auth_type: auth_type.into(),
        invoke_mode: InvokeMode::Buffered.into(),
        function_arn: "arn:aws:lambda:eu-west-1:111122223333:function:orders".to_owned(),
    };
    let route = Route {
        namespace: "shop".to_owned(),
        name: id.to_owned(),
        port: port.into(),
        requires: vec![requires.to_owned()],
        upstream: Some(lambdaroute_proxy_config::v1alpha1::route::Upstream::FunctionUrl(url)),
        ..Route::default()
    };
    Resource { id: id.to_owned(), version: Some(version(1, 1)), resource: Some(Kind::Route(route)) }
}

/// The route with something of its own.
pub(crate) fn with(mut resource: Resource, change: impl FnOnce(&mut Route)) -> Resource {
    match &mut resource.resource {
        Some(Kind::Route(route)) => change(route),
        other => panic!("{other:?} is no route"),
    }
    resource
}

pub(crate) fn reference(id: &str) -> ResourceRef {
    ResourceRef { r#type: ResourceType::Route.into(), id: id.to_owned(), version: Some(version(1, 2)) }
}

/// A relay before a controller. It can swallow what its present connections carry, as a dead node does; new ones pass.
pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    swallow: tokio::sync::watch::Sender<u64>,
    task: tokio::task::JoinHandle<()>,
}

impl Way {
    pub(crate) async fn to(controller: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (swallow, swallowed) = tokio::sync::watch::channel(0);
        let task = tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let mut swallowed = swallowed.clone();
                swallowed.mark_unchanged();
                tokio::spawn(async move {
                    let mut far = tokio::net::TcpStream::connect(controller).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = swallowed.changed() => {
                            // Both ends stay open and hear nothing more.
                            std::future::pending::<()>().await;
                        }
                    }
                });
            }
        });
        Way { address, swallow, task }
    }

    pub(crate) fn swallow(&self) {
        self.swallow.send_modify(|times| *times += 1);
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.task.abort();
    }
}
