//! The server in this process, with a real client over TLS on loopback; only the token review is a function of the test.

use std::net::SocketAddr;

use k8s_openapi::jiff::Timestamp;
use lambdaroute_proxy_config::v1alpha1::route_table_client::RouteTableClient;
use lambdaroute_proxy_config::v1alpha1::{Hello, Leaving, from_proxy, to_proxy::Message};
use lambdaroute_proxy_config::{SERVER_NAME, feature};
use tonic::Code;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use super::*;
use crate::table::{Event, PodFacts, ProxyId, Settings};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

struct Running {
    address: SocketAddr,
    ca: String,
    shown: tls::Shown,
    table: RouteTable,
    leading: watch::Sender<bool>,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<Result<(), tonic::transport::Error>>,
}

struct Authority(rcgen::CertifiedIssuer<'static, rcgen::KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().expect("a key");
        Self(rcgen::CertifiedIssuer::self_signed(params, key).expect("a ca"))
    }

    fn show(&self, shown: &tls::Shown) {
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(vec![SERVER_NAME.to_owned()]).expect("params");
        let leaf = params.signed_by(&key, &self.0).expect("a leaf");
        shown.show(&leaf.pem(), &key.serialize_pem()).expect("it fits");
    }
}

fn pod(name: &str) -> PodFacts {
    PodFacts {
        id: ProxyId(format!("uid-{name}")),
        namespace: "lambdaroute".to_owned(),
        name: name.to_owned(),
        addresses: vec![[127, 0, 0, 2].into()],
        ready: true,
        terminating: false,
        node: None,
        zone: None,
    }
}

/// Tokens are `<pod name> <seconds that it lives>`.
fn authenticate() -> Authenticate {
    Arc::new(|token: String| {
        Box::pin(async move {
            let (name, lives) = token.split_once(' ').ok_or(Denied::Unauthenticated("no such token".to_owned()))?;
            let lives: i64 = lives.parse().map_err(|_| Denied::Forbidden("not allowed".to_owned()))?;
            Ok(Proven {
                pod: ProxyId(format!("uid-{name}")),
                pod_name: name.to_owned(),
                namespace: "lambdaroute".to_owned(),
                expires: Timestamp::now().as_second() + lives,
            })
        })
    })
}

async fn start() -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let table = RouteTable::new(Settings::default());
    table.apply(Event::Leading { epoch: 7 });
    table.apply(Event::PodsListed(vec![pod("a")]));
    table.apply(Event::SlicesListed(vec![]));
    let (shown, authority) = (tls::Shown::default(), Authority::new());
    authority.show(&shown);
    let (leading, is_leading) = watch::channel(true);
    let stop = CancellationToken::new();
    let server = Server {
        table: table.clone(),
        leading: is_leading,
        authenticate: authenticate(),
        metrics: Metrics::default(),
        stop: stop.clone(),
    };
    let served = tokio::spawn(server.serve(listener, shown.acceptor().expect("tls")));
    Running { address, ca: authority.0.pem(), shown, table, leading, stop, served }
}

struct Client {
    said: mpsc::Sender<FromProxy>,
    heard: Streaming<ToProxy>,
}

impl Running {
    async fn connect(&self, token: &str) -> Result<Client, Status> {
        self.connect_trusting(&self.ca, token).await
    }

    async fn connect_trusting(&self, ca: &str, token: &str) -> Result<Client, Status> {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)).domain_name(SERVER_NAME);
        let endpoint = Endpoint::from_shared(format!("https://{}", self.address)).expect("a uri");
        let channel = endpoint.tls_config(tls).expect("tls").connect().await;
        let channel = channel.map_err(|error| Status::unavailable(format!("{error:?}")))?;
        let (said, receiver) = mpsc::channel(8);
        let mut request = Request::new(ReceiverStream::new(receiver));
        let bearer = format!("Bearer {token}").parse().expect("a header");
        request.metadata_mut().insert("authorization", bearer);
        let heard = RouteTableClient::new(channel).stream(request).await?.into_inner();
        let client = Client { said, heard };
        client
            .say(from_proxy::Message::Hello(Hello {
                proxy_version: "test".to_owned(),
                features: feature::SUPPORTED.iter().map(|&feature| feature.to_owned()).collect(),
                table_version: None,
            }))
            .await;
        Ok(client)
    }

    async fn refusal(&self, token: &str) -> Code {
        let refused = tokio::time::timeout(LONG, self.connect(token)).await.expect("an answer");
        refused.err().expect("a refusal").code()
    }
}

impl Client {
    async fn say(&self, message: from_proxy::Message) {
        self.said.send(FromProxy { message: Some(message) }).await.expect("the stream is open");
    }

    async fn hear(&mut self) -> Result<Option<Message>, Status> {
        let message = tokio::time::timeout(LONG, self.heard.message()).await.expect("something in time")?;
        Ok(message.and_then(|message| message.message))
    }

    async fn ends_with(&mut self) -> Code {
        loop {
            match self.hear().await {
                Ok(Some(_)) => {}
                Ok(None) => return Code::Ok,
                Err(status) => return status.code(),
            }
        }
    }
}

#[tokio::test]
async fn a_proxy_gets_its_snapshot_once_the_table_is_primed_and_may_leave() {
    let server = start().await;
    let mut client = server.connect("a 600").await.expect("it is let in");
    server.table.prime(vec![]);
    assert!(matches!(client.hear().await, Ok(Some(Message::SnapshotBegin(_)))));
    assert!(matches!(client.hear().await, Ok(Some(Message::SnapshotEnd(_)))));
    client.say(from_proxy::Message::Leaving(Leaving {})).await;
    assert!(matches!(client.hear().await, Ok(Some(Message::Left(_)))));
}

#[tokio::test]
async fn strangers_are_kept_out() {
    let server = start().await;
    assert_eq!(server.refusal("unknown").await, Code::Unauthenticated);
    assert_eq!(server.refusal("a notallowed").await, Code::PermissionDenied);
    server.leading.send_replace(false);
    assert_eq!(server.refusal("a 600").await, Code::FailedPrecondition);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_a_pod_that_the_api_server_doesnt_have_is_refused() {
    let table = RouteTable::new(Settings::default());
    let found = table.pod(&ProxyId("uid-z".to_owned()), Instant::now() + POD_WAIT).await;
    assert_eq!(found, None);
    let waiting = tokio::spawn({
        let table = table.clone();
        async move { table.pod(&ProxyId("uid-z".to_owned()), Instant::now() + POD_WAIT).await }
    });
    tokio::task::yield_now().await;
    table.apply(Event::Pod(pod("z")));
    assert_eq!(waiting.await.expect("it ends"), Some(pod("z")), "the watch may be a little late");
}

#[tokio::test]
async fn a_newer_stream_replaces_the_older() {
    let server = start().await;
    server.table.prime(vec![]);
    let mut first = server.connect("a 600").await.expect("it is let in");
    assert!(matches!(first.hear().await, Ok(Some(Message::SnapshotBegin(_)))));
    let mut second = server.connect("a 600").await.expect("it is let in");
    assert!(matches!(second.hear().await, Ok(Some(Message::SnapshotBegin(_)))));
    assert_eq!(first.ends_with().await, Code::Aborted);
}

#[tokio::test]
async fn a_stream_ends_with_its_pod_and_with_the_leadership_and_with_the_process() {
    let server = start().await;
    server.table.prime(vec![]);
    let mut client = server.connect("a 600").await.expect("it is let in");
    assert!(client.hear().await.is_ok());
    server.table.apply(Event::PodGone(pod("a").id));
    assert_eq!(client.ends_with().await, Code::PermissionDenied);
    server.table.apply(Event::Pod(pod("a")));
    let mut client = server.connect("a 600").await.expect("it is let in");
    assert!(client.hear().await.is_ok());
    server.leading.send_replace(false);
    assert_eq!(client.ends_with().await, Code::FailedPrecondition);
    server.leading.send_replace(true);
    let mut client = server.connect("a 600").await.expect("it is let in");
    assert!(client.hear().await.is_ok());
    server.stop.cancel();
    assert_eq!(client.ends_with().await, Code::Unavailable);
    drop(client);
    let served = tokio::time::timeout(LONG, server.served).await.expect("it ends");
    assert!(served.expect("no panic").is_ok());
}

#[tokio::test]
async fn a_stream_ends_a_little_after_its_token() {
    let server = start().await;
    server.table.prime(vec![]);
    let mut client = server.connect("a -9").await.expect("it is let in");
    assert_eq!(client.ends_with().await, Code::Unauthenticated);
}

#[tokio::test]
async fn a_stream_begins_with_one_hello() {
    let server = start().await;
    server.table.prime(vec![]);
    let mut client = server.connect("a 600").await.expect("it is let in");
    client.say(from_proxy::Message::Hello(Hello::default())).await;
    assert_eq!(client.ends_with().await, Code::InvalidArgument);
}

#[tokio::test]
async fn a_new_certificate_breaks_no_stream() {
    let server = start().await;
    let mut client = server.connect("a 600").await.expect("it is let in");
    let authority = Authority::new();
    authority.show(&server.shown);
    assert!(server.connect("a 600").await.is_err(), "its CA isn't trusted yet");
    server.table.prime(vec![]);
    assert!(matches!(client.hear().await, Ok(Some(Message::SnapshotBegin(_)))), "the old stream lives");
    let both = format!("{}\n{}", server.ca, authority.0.pem());
    assert!(server.connect_trusting(&both, "a 600").await.is_ok());
}
