//! A proxy that does what a test says: speaks the contract with a real controller, and serves, refuses or keeps silent.
//! For the controller's view of proxies that are old, slow, cut off or wrong; it opens no port.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lambdaroute_proxy_config::v1alpha1::{
    Ack, FromProxy, Hello, Leaving, Outcome, Refusal, RefusalReason, Removed, Report, Resource, ResourceRef,
    ResourceType, Route, Served, ToProxy, from_proxy, key_set, limit_share, outcome, report, resource,
    route_table_client::RouteTableClient, to_proxy,
};
use lambdaroute_proxy_config::{SERVER_NAME, feature};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::metadata::MetadataValue;
use tonic::transport::{Certificate, Channel, ClientTlsConfig};
use tonic::{Request, Status};

/// What the proxy answers to each resource that it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// "Served", and "removed" for removals.
    Serve,
    /// "Refused", for lack of this feature.
    Refuse(String),
    /// Nothing.
    Silence,
}

#[derive(Debug)]
struct Script {
    answer: Answer,
    held: BTreeMap<String, Resource>,
    left: bool,
    ended: Option<String>,
}

/// A connected proxy; its stream is cut when it is dropped.
pub struct ScriptedProxy {
    script: Arc<Mutex<Script>>,
    sender: mpsc::Sender<FromProxy>,
    _reader: AbortOnDropHandle<()>,
}

/// Dials the route table as a proxy does.
///
/// # Errors
/// When no connection comes about.
pub async fn channel(address: SocketAddr, ca_pem: &str) -> anyhow::Result<Channel> {
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca_pem)).domain_name(SERVER_NAME);
    Ok(Channel::from_shared(format!("https://{address}"))?.tls_config(tls)?.connect().await?)
}

impl ScriptedProxy {
    /// Connects with a token and says hello with the features of this build.
    ///
    /// # Errors
    /// The controller's status when it refuses the stream; UNAVAILABLE when no connection comes about.
    pub async fn connect(address: SocketAddr, ca_pem: &str, token: &str, answer: Answer) -> Result<Self, Status> {
        let channel = channel(address, ca_pem).await.map_err(|error| Status::unavailable(format!("{error:#}")))?;
        let (sender, receiver) = mpsc::channel(64);
        let hello = Hello {
            proxy_version: "scripted".to_owned(),
            features: feature::SUPPORTED.iter().map(|&feature| feature.to_owned()).collect(),
            table_version: None,
        };
        say(&sender, from_proxy::Message::Hello(hello)).await;
        let mut request = Request::new(ReceiverStream::new(receiver));
        let bearer = MetadataValue::try_from(format!("Bearer {token}"))
            .map_err(|_| Status::invalid_argument("the token can't be sent"))?;
        request.metadata_mut().insert("authorization", bearer);
        let mut incoming = RouteTableClient::new(channel).stream(request).await?.into_inner();
        let script = Arc::new(Mutex::new(Script { answer, held: BTreeMap::new(), left: false, ended: None }));
        let reader = tokio::spawn({
            let (script, sender) = (script.clone(), sender.clone());
            async move {
                let end = loop {
                    match incoming.message().await {
                        Ok(Some(message)) => {
                            let outcomes = take(&mut lock(&script), message);
                            if !outcomes.is_empty() {
                                say(&sender, from_proxy::Message::Ack(Ack { outcomes })).await;
                            }
                        }
                        Ok(None) => break "closed".to_owned(),
                        Err(status) => break format!("{:?}: {}", status.code(), status.message()),
                    }
                };
                lock(&script).ended = Some(end);
            }
        });
        Ok(Self { script, sender, _reader: AbortOnDropHandle::new(reader) })
    }

    /// Answers otherwise from now on.
    pub fn answer(&self, answer: Answer) {
        lock(&self.script).answer = answer;
    }

    /// The resources that the controller has sent and not removed, by id.
    pub fn held(&self) -> BTreeMap<String, Resource> {
        lock(&self.script).held.clone()
    }

    /// The names of the routes held, as `namespace/name`.
    pub fn routes(&self) -> Vec<String> {
        let script = lock(&self.script);
        let mut names: Vec<_> = script
            .held
            .values()
            .filter_map(|resource| match &resource.resource {
                Some(resource::Resource::Route(route)) => Some(format!("{}/{}", route.namespace, route.name)),
                _ => None,
            })
            .collect();
        names.sort();
        names
    }

    /// The consumers whom the proxy would recognise, of all its key sets, sorted.
    pub fn consumers(&self) -> Vec<String> {
        let consumers = self.key_sets().into_values().filter_map(|keys| match keys {
            key_set::Keys::Consumers(consumers) => Some(consumers.consumers),
            key_set::Keys::Jwks(_) => None,
        });
        let mut names: Vec<_> = consumers.flatten().map(|consumer| consumer.name).collect();
        names.sort();
        names
    }

    /// How many requests in flight it may let through, over all its routes.
    pub fn in_flight(&self) -> u32 {
        let script = lock(&self.script);
        let shares = script.held.values().filter_map(|resource| match &resource.resource {
            Some(resource::Resource::LimitShare(share)) => share.share.as_ref(),
            _ => None,
        });
        shares.map(|share| if let limit_share::Share::Concurrency(share) = share { share.max } else { 0 }).sum()
    }

    /// Tells the controller which AWS principal the proxy has.
    pub async fn report_identity(&self, arn: &str) {
        self.report(report::Identity::IdentityArn(arn.to_owned())).await;
    }

    /// Tells the controller that the proxy has no AWS credentials, and why.
    pub async fn report_no_credentials(&self, why: &str) {
        self.report(report::Identity::CredentialsError(why.to_owned())).await;
    }

    /// Tells the controller that the proxy doesn't know whose its AWS credentials are, and why.
    pub async fn report_no_identity(&self, why: &str) {
        self.report(report::Identity::IdentityError(why.to_owned())).await;
    }

    async fn report(&self, identity: report::Identity) {
        let report = Report { identity: Some(identity), causes: vec![], stale_key_sets: vec![] };
        say(&self.sender, from_proxy::Message::Report(report)).await;
    }

    /// Tells the controller that a token named a key which a key set lacks.
    pub async fn report_stale(&self, key_set: &str) {
        let report = Report { identity: None, causes: vec![], stale_key_sets: vec![key_set.to_owned()] };
        say(&self.sender, from_proxy::Message::Report(report)).await;
    }

    /// The key sets held, by id.
    pub fn key_sets(&self) -> BTreeMap<String, key_set::Keys> {
        let script = lock(&self.script);
        let key_sets = script.held.iter().filter_map(|(id, resource)| match &resource.resource {
            Some(resource::Resource::KeySet(set)) => Some((id.clone(), set.keys.clone()?)),
            _ => None,
        });
        key_sets.collect()
    }

    /// The route of this name, if it is held.
    pub fn route(&self, name: &str) -> Option<Route> {
        lock(&self.script).held.values().find_map(|resource| match &resource.resource {
            Some(resource::Resource::Route(route)) if route.name == name => Some(route.clone()),
            _ => None,
        })
    }

    /// Says that it is leaving.
    pub async fn leave(&self) {
        say(&self.sender, from_proxy::Message::Leaving(Leaving {})).await;
    }

    /// Whether the controller has answered that it is in no slice any more.
    pub fn left(&self) -> bool {
        lock(&self.script).left
    }

    /// Why the stream ended, if it did.
    pub fn ended(&self) -> Option<String> {
        lock(&self.script).ended.clone()
    }
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn say(sender: &mpsc::Sender<FromProxy>, message: from_proxy::Message) {
    // The stream may have ended; the test sees that by `ended`.
    let _ = sender.send(FromProxy { message: Some(message) }).await;
}

fn take(script: &mut Script, message: ToProxy) -> Vec<Outcome> {
    match message.message {
        Some(to_proxy::Message::Change(change)) => {
            let mut outcomes = Vec::new();
            for resource in change.set {
                if let Some(outcome) = set(script, resource) {
                    outcomes.push(outcome);
                }
            }
            for removed in change.removed {
                script.held.remove(&removed.id);
                if script.answer != Answer::Silence {
                    let outcome = outcome::Outcome::Removed(Removed {});
                    outcomes.push(Outcome { resource: Some(removed), outcome: Some(outcome) });
                }
            }
            outcomes
        }
        Some(to_proxy::Message::Left(_)) => {
            script.left = true;
            vec![]
        }
        Some(to_proxy::Message::SnapshotBegin(_) | to_proxy::Message::SnapshotEnd(_)) | None => vec![],
    }
}

fn set(script: &mut Script, resource: Resource) -> Option<Outcome> {
    let r#type = match resource.resource.as_ref()? {
        resource::Resource::Route(_) => ResourceType::Route,
        resource::Resource::KeySet(_) => ResourceType::KeySet,
        resource::Resource::LimitShare(_) => {
            // Shares aren't acknowledged.
            script.held.insert(resource.id.clone(), resource);
            return None;
        }
    };
    let reference = ResourceRef { r#type: r#type.into(), id: resource.id.clone(), version: resource.version };
    script.held.insert(resource.id.clone(), resource);
    let outcome = match &script.answer {
        Answer::Serve => outcome::Outcome::Served(Served {}),
        Answer::Refuse(feature) => outcome::Outcome::Refused(Refusal {
            reason: RefusalReason::UnsupportedFeature.into(),
            detail: format!("this proxy lacks the feature {feature:?}: upgrade it"),
        }),
        Answer::Silence => return None,
    };
    Some(Outcome { resource: Some(reference), outcome: Some(outcome) })
}
