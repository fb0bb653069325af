//! A route-table server of the harness: feeds a real proxy whatever table a test wants, and records what it answers.
//! It speaks the contract as the controller does, over TLS, but decides nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use lambdaroute_proxy_config::SERVER_NAME;
use lambdaroute_proxy_config::v1alpha1::{
    Change, FromProxy, Hello, Left, Outcome, Report, Resource, ResourceRef, ResourceType, Route, SnapshotBegin,
    SnapshotEnd, ToProxy, Version, from_proxy, resource, route_table_server, to_proxy,
};
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_util::task::AbortOnDropHandle;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

/// As many resources go into one message of a snapshot.
const PIECE: usize = 500;

/// What proxies have said so far.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// One for each stream that began.
    pub hellos: Vec<Hello>,
    /// The last outcome of each resource, by id.
    pub outcomes: BTreeMap<String, Outcome>,
    /// Every report.
    pub reports: Vec<Report>,
    /// How often a proxy said that it is leaving.
    pub leaving: usize,
}

#[derive(Debug, Default)]
struct Table {
    epoch: u64,
    counter: u64,
    resources: BTreeMap<String, Resource>,
}

impl Table {
    fn next(&mut self) -> Version {
        self.counter += 1;
        Version { epoch: self.epoch, counter: self.counter }
    }
}

struct Shared {
    table: Mutex<Table>,
    heard: Mutex<Heard>,
    changes: broadcast::Sender<Change>,
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running route-table server; it ends when it is dropped.
pub struct RouteTable {
    /// Where proxies dial it.
    pub address: SocketAddr,
    /// The CA that its certificate is of.
    pub ca_pem: String,
    shared: Arc<Shared>,
    _server: AbortOnDropHandle<()>,
}

impl RouteTable {
    /// Starts with an empty table of the given epoch.
    ///
    /// # Errors
    /// When a certificate can't be made or no port can be bound.
    pub async fn start(epoch: u64) -> anyhow::Result<Self> {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec![SERVER_NAME.to_owned()]).context("make a certificate")?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("bind the route table")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            table: Mutex::new(Table { epoch, ..Table::default() }),
            heard: Mutex::default(),
            changes: broadcast::channel(1024).0,
        });
        let tls = ServerTlsConfig::new().identity(Identity::from_pem(cert.pem(), signing_key.serialize_pem()));
        let router = Server::builder()
            .tls_config(tls)
            .context("configure TLS")?
            .add_service(route_table_server::RouteTableServer::new(Service(shared.clone())));
        let server = tokio::spawn(async move {
            if let Err(error) = router.serve_with_incoming(TcpListenerStream::new(listener)).await {
                tracing::error!(%error, "the harness's route table ended");
            }
        });
        Ok(Self { address, ca_pem: cert.pem(), shared, _server: AbortOnDropHandle::new(server) })
    }

    /// Adds or replaces a route, here and at every connected proxy.
    pub fn set(&self, id: &str, route: Route) {
        self.set_all([(id.to_owned(), route)]);
    }

    /// Adds or replaces many routes; in pieces.
    pub fn set_all(&self, routes: impl IntoIterator<Item = (String, Route)>) {
        self.set_resources(routes.into_iter().map(|(id, route)| (id, resource::Resource::Route(route))));
    }

    /// Adds or replaces resources of whatever type; their ids are unique among all types here.
    pub fn set_resources(&self, resources: impl IntoIterator<Item = (String, resource::Resource)>) {
        let mut table = self.shared.table();
        let version = table.next();
        let set: Vec<_> = resources
            .into_iter()
            .map(|(id, resource)| Resource { id, version: Some(version), resource: Some(resource) })
            .collect();
        table.resources.extend(set.iter().map(|resource| (resource.id.clone(), resource.clone())));
        for piece in set.chunks(PIECE) {
            // No receiver: no proxy is connected, and the next snapshot has it.
            let _ = self.shared.changes.send(Change { version: Some(version), set: piece.to_vec(), removed: vec![] });
        }
    }

    /// Removes a route, here and at every connected proxy.
    pub fn remove(&self, id: &str) {
        let mut table = self.shared.table();
        table.resources.remove(id);
        let version = Some(table.next());
        let removed = vec![ResourceRef { r#type: ResourceType::Route.into(), id: id.to_owned(), version }];
        let _ = self.shared.changes.send(Change { version, set: vec![], removed });
    }

    /// What proxies have said so far.
    pub fn heard(&self) -> Heard {
        self.shared.heard().clone()
    }
}

struct Service(Arc<Shared>);

#[tonic::async_trait]
impl route_table_server::RouteTable for Service {
    type StreamStream = Pin<Box<dyn futures::Stream<Item = Result<ToProxy, Status>> + Send>>;

    async fn stream(&self, request: Request<Streaming<FromProxy>>) -> Result<Response<Self::StreamStream>, Status> {
        let shared = self.0.clone();
        let mut incoming = request.into_inner();
        let (sender, receiver) = mpsc::channel(64);
        tokio::spawn(async move {
            let mut changes = shared.changes.subscribe();
            let snapshot = snapshot(&shared.table());
            for message in snapshot {
                if sender.send(Ok(message)).await.is_err() {
                    return;
                }
            }
            loop {
                tokio::select! {
                    message = incoming.message() => match message {
                        Ok(Some(message)) => {
                            if let Some(answer) = hear(&shared, message)
                                && sender.send(Ok(answer)).await.is_err()
                            {
                                return;
                            }
                        }
                        Ok(None) | Err(_) => return,
                    },
                    change = changes.recv() => {
                        let Ok(change) = change else { return };
                        if sender.send(Ok(ToProxy { message: Some(to_proxy::Message::Change(change)) })).await.is_err() {
                            return;
                        }
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

fn snapshot(table: &Table) -> Vec<ToProxy> {
    let version = Some(Version { epoch: table.epoch, counter: table.counter });
    let resources: Vec<_> = table.resources.values().cloned().collect();
    let begin = to_proxy::Message::SnapshotBegin(SnapshotBegin { version });
    let end = to_proxy::Message::SnapshotEnd(SnapshotEnd { version, kept: vec![] });
    let pieces = resources
        .chunks(PIECE)
        .map(|piece| to_proxy::Message::Change(Change { version, set: piece.to_vec(), removed: vec![] }));
    std::iter::once(begin)
        .chain(pieces)
        .chain(std::iter::once(end))
        .map(|message| ToProxy { message: Some(message) })
        .collect()
}

fn hear(shared: &Shared, message: FromProxy) -> Option<ToProxy> {
    let mut heard = shared.heard();
    match message.message? {
        from_proxy::Message::Hello(hello) => heard.hellos.push(hello),
        from_proxy::Message::Ack(ack) => {
            for outcome in ack.outcomes {
                let Some(resource) = &outcome.resource else { continue };
                heard.outcomes.insert(resource.id.clone(), outcome);
            }
        }
        from_proxy::Message::Report(report) => heard.reports.push(report),
        from_proxy::Message::Leaving(_) => {
            heard.leaving += 1;
            return Some(ToProxy { message: Some(to_proxy::Message::Left(Left {})) });
        }
    }
    None
}
