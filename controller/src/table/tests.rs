//! The table's state machine with scripted proxies and an API server that does every write at once: no clock, no network.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use lambdaroute_proxy_config::feature;
use lambdaroute_proxy_config::v1alpha1::auth_method::Method;
use lambdaroute_proxy_config::v1alpha1::key_set::Keys;
use lambdaroute_proxy_config::v1alpha1::{
    self, ApiKeyAuth, AuthMethod, AuthType, CauseCount, Consumer, Consumers, FunctionUrl, InvokeMode, KeySet,
    LimitShare, Outcome, Refusal, RefusalReason, Removed, Report, Resource, ResourceRef, Route, Served, Version,
    outcome, report::Identity, resource, route::Upstream, to_proxy::Message,
};

use super::*;
use crate::programming::{ServiceRef, TableEvent};
use crate::slices;

mod assigning;
mod key_sets;
mod leader;
mod leaving;
mod shares;
mod streams;
mod tightening;

const EPOCH: u64 = 7;

fn id(name: &str) -> RouteId {
    RouteId(format!("uid-of-{name}"))
}

fn proxy_id(name: &str) -> ProxyId {
    ProxyId(format!("pod-{name}"))
}

fn route(name: &str, auth: AuthType) -> DesiredRoute {
    let unsigned = (auth == AuthType::None).then_some(feature::UNSIGNED);
    DesiredRoute {
        id: id(name),
        service: ServiceRef {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            uid: format!("service-{name}"),
            port_name: "http".to_owned(),
            ip_families: vec!["IPv4".to_owned()],
        },
        route: Route {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            port: 10_000,
            requires: [feature::FUNCTION_URL].into_iter().chain(unsigned).map(str::to_owned).collect(),
            upstream: Some(Upstream::FunctionUrl(FunctionUrl {
                host: "abc.lambda-url.eu-west-1.on.aws".to_owned(),
                region: "eu-west-1".to_owned(),
                auth_type: auth.into(),
                invoke_mode: InvokeMode::Buffered.into(),
                function_arn: format!("arn:aws:lambda:eu-west-1:111122223333:function:{name}"),
            })),
            ..Route::default()
        },
        key_sets: BTreeMap::new(),
        kept: false,
    }
}

fn pod(name: &str) -> PodFacts {
    let last = name.bytes().fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    PodFacts {
        id: proxy_id(name),
        namespace: "lambdaroute".to_owned(),
        name: name.to_owned(),
        addresses: vec![std::net::IpAddr::from([10, 0, 0, last])],
        ready: true,
        terminating: false,
        node: Some(format!("node-{name}")),
        zone: None,
    }
}

/// A route whose callers are recognised by API keys of these key sets.
fn guarded(name: &str, key_sets: &[&str]) -> DesiredRoute {
    let mut desired = route(name, AuthType::AwsIam);
    let key_sets = key_sets.iter().map(|&id| id.to_owned()).collect();
    let method = Method::ApiKey(ApiKeyAuth { header: "x-api-key".to_owned(), key_sets });
    desired.route.auth =
        Some(v1alpha1::Auth { methods: vec![AuthMethod { name: "keys".to_owned(), method: Some(method) }] });
    desired.route.requires = feature::of(&desired.route).into_iter().map(str::to_owned).collect();
    desired
}

fn key_set_id(id: &str) -> KeySetId {
    KeySetId(id.to_owned())
}

/// Keys of one consumer each, by the consumers' names.
fn keys(consumers: &[&str]) -> KeySet {
    let consumer = |name: &&str| Consumer { name: (*name).to_owned(), sha256: vec![name.as_bytes().to_vec()] };
    KeySet { keys: Some(Keys::Consumers(Consumers { consumers: consumers.iter().map(consumer).collect() })) }
}

/// How a proxy of the tests answers what it is sent.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Serve,
    Refuse,
    /// Serves routes, refuses key sets.
    RefuseKeys,
    Silence,
}

/// What a proxy of the tests has, as the contract says.
#[derive(Clone, Default)]
struct Holding {
    resources: BTreeMap<(i32, String), Resource>,
    arrived: Option<BTreeSet<(i32, String)>>,
}

impl Holding {
    fn take(&mut self, message: &Message) {
        match message {
            Message::SnapshotBegin(_) => self.arrived = Some(BTreeSet::new()),
            Message::SnapshotEnd(end) => {
                let mut arrived = self.arrived.take().expect("a snapshot began");
                arrived.extend(end.kept.iter().map(|kept| (kept.r#type, kept.id.clone())));
                self.resources.retain(|key, _| arrived.contains(key));
            }
            Message::Change(change) => {
                for removed in &change.removed {
                    self.resources.remove(&(removed.r#type, removed.id.clone()));
                }
                for resource in &change.set {
                    let key = (type_of(resource), resource.id.clone());
                    if let Some(resource::Resource::Route(route)) = &resource.resource {
                        let limits = route.rate_limits.len() + usize::from(route.concurrency.is_some());
                        let shares = self.shares(&resource.id).len();
                        assert!(shares >= limits, "a route comes with its shares: {shares} of {limits}");
                    }
                    if let Some(arrived) = &mut self.arrived {
                        arrived.insert(key.clone());
                    }
                    self.resources.insert(key, resource.clone());
                }
            }
            Message::Left(_) => {}
        }
    }

    fn key_set(&self, id: &str) -> Option<&KeySet> {
        match &self.resources.get(&(2, id.to_owned()))?.resource {
            Some(resource::Resource::KeySet(keys)) => Some(keys),
            _ => None,
        }
    }

    fn shares(&self, route: &str) -> Vec<LimitShare> {
        let of_type = self.resources.iter().filter(|((r#type, _), _)| *r#type == 3);
        let shares = of_type.filter_map(|(_, resource)| match &resource.resource {
            Some(resource::Resource::LimitShare(share)) => Some(share.clone()),
            _ => None,
        });
        shares.filter(|share| share.route_id == route).collect()
    }
}

fn type_of(resource: &Resource) -> i32 {
    match resource.resource {
        Some(resource::Resource::Route(_)) => 1,
        Some(resource::Resource::KeySet(_)) => 2,
        Some(resource::Resource::LimitShare(_)) => 3,
        None => 0,
    }
}

/// A table with scripted proxies and an API server that does every write at once.
struct World {
    state: State,
    now: Instant,
    streams: BTreeMap<String, StreamId>,
    answers: BTreeMap<String, Answer>,
    said: BTreeMap<String, Vec<Message>>,
    holding: BTreeMap<String, Holding>,
    told: Vec<TableEvent>,
    closed: Vec<(StreamId, Close)>,
    next: u64,
    writes: bool,
}

impl World {
    fn new(proxies_per_route: usize) -> Self {
        Self {
            state: State::new(Settings { proxies_per_route, ..Settings::default() }),
            now: Instant::now(),
            streams: BTreeMap::new(),
            answers: BTreeMap::new(),
            said: BTreeMap::new(),
            holding: BTreeMap::new(),
            told: vec![],
            closed: vec![],
            next: 0,
            writes: true,
        }
    }

    /// A leader that has begun, with these Pods and routes.
    fn leading(proxies_per_route: usize, pods: &[&str], routes: Vec<DesiredRoute>) -> Self {
        let mut world = Self::new(proxies_per_route);
        world.begin(EPOCH, pods, vec![], routes);
        world
    }

    fn begin(&mut self, epoch: u64, pods: &[&str], found: Vec<EndpointSlice>, routes: Vec<DesiredRoute>) {
        self.event(Event::Leading { epoch });
        self.event(Event::PodsListed(pods.iter().map(|name| pod(name)).collect()));
        self.event(Event::SlicesListed(found.into_iter().map(Arc::new).collect()));
        self.event(Event::Primed(routes));
    }

    fn event(&mut self, event: Event) {
        let effects = self.state.apply(event, self.now);
        self.carry_out(effects);
        self.talk();
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.state.next_alarm().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.event(Event::Tick);
        }
        self.now = end;
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut dirty = BTreeSet::new();
        for effect in effects {
            match effect {
                Effect::Slice(key) => drop(dirty.insert(key)),
                Effect::Tell(event) => self.told.push(event),
                Effect::Close(stream, reason) => {
                    self.closed.push((stream, reason));
                    self.streams.retain(|_, open| *open != stream);
                }
                Effect::Wake(_) => {}
            }
        }
        for key in dirty {
            if self.writes {
                self.write(&key);
            }
        }
    }

    fn write(&mut self, key: &SliceKey) {
        let Some(write) = self.state.slice_write(key, self.now) else { return };
        self.next += 1;
        let version = Some(self.next.to_string());
        let effects = match write {
            SliceWrite::Create(mut slice) => {
                slice.metadata.uid = Some(format!("slice-{}", self.next));
                slice.metadata.resource_version = version;
                self.state.apply(Event::Slice(Arc::new(slice)), self.now)
            }
            SliceWrite::Apply(mut slice) => {
                slice.metadata.resource_version = version;
                self.state.apply(Event::Slice(Arc::new(slice)), self.now)
            }
            SliceWrite::Delete { uid, .. } => self.state.apply(Event::SliceGone(key.clone(), uid), self.now),
        };
        self.carry_out(effects);
        let effects = self.state.apply(Event::SliceWritten(key.clone()), self.now);
        self.carry_out(effects);
    }

    /// Lets every connected proxy take its messages and answer them.
    fn talk(&mut self) {
        loop {
            let mut quiet = true;
            for (name, stream) in self.streams.clone() {
                while let Some(message) = self.state.next_message(&proxy_id(&name), stream, self.now) {
                    quiet = false;
                    let message = message.message.expect("a message says something");
                    let outcomes = outcomes(&message, self.answers[&name]);
                    self.holding.entry(name.clone()).or_default().take(&message);
                    self.said.entry(name.clone()).or_default().push(message);
                    let effects = self.state.apply(Event::Ack(proxy_id(&name), stream, outcomes), self.now);
                    self.carry_out(effects);
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn connect(&mut self, name: &str, answer: Answer) -> StreamId {
        self.hello(name, answer, feature::SUPPORTED, None)
    }

    fn hello(&mut self, name: &str, answer: Answer, features: &[&str], table: Option<Version>) -> StreamId {
        self.next += 1;
        let stream = StreamId(self.next);
        self.answers.insert(name.to_owned(), answer);
        if table.is_none() {
            self.holding.remove(name);
        }
        let features = features.iter().map(|&feature| feature.to_owned()).collect();
        let hello = Event::Hello { proxy: proxy_id(name), stream, features, table_version: table };
        let effects = self.state.apply(hello, self.now);
        self.streams.insert(name.to_owned(), stream);
        self.carry_out(effects);
        self.talk();
        stream
    }

    fn cut(&mut self, name: &str) {
        let stream = self.streams.remove(name).expect("it is connected");
        self.event(Event::Ended(proxy_id(name), stream));
    }

    fn slice(&self, name: &str) -> EndpointSlice {
        let key = slices::key(&route(name, AuthType::AwsIam).service, "IPv4");
        (**self.state.slices.get(&key).expect("the route has a slice")).clone()
    }

    /// The names of the proxies that callers of the route reach.
    fn reached(&self, name: &str) -> Vec<String> {
        let slice = self.slice(name);
        let names = slice.endpoints.iter().map(|e| e.target_ref.clone().and_then(|t| t.name).expect("a Pod"));
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// The routes that a proxy has been given and not taken away.
    fn has(&self, name: &str) -> BTreeSet<String> {
        let mut has = BTreeSet::new();
        for message in self.said.get(name).into_iter().flatten() {
            if let Message::Change(change) = message {
                let routes = change.set.iter().filter(|resource| type_of(resource) == 1);
                has.extend(routes.map(|resource| resource.id.clone()));
                for removed in change.removed.iter().filter(|removed| removed.r#type == 1) {
                    has.remove(&removed.id);
                }
            }
        }
        has
    }

    /// The consumers whom a proxy recognises by a key set. None: it doesn't have it.
    fn recognises(&self, proxy: &str, key_set: &str) -> Option<Vec<String>> {
        match self.holding.get(proxy)?.key_set(key_set)?.keys.as_ref()? {
            Keys::Consumers(consumers) => Some(consumers.consumers.iter().map(|c| c.name.clone()).collect()),
            Keys::Jwks(_) => None,
        }
    }

    fn programming(&self, name: &str) -> Programming {
        self.state.programming(&id(name))
    }
}

fn outcomes(message: &Message, answer: Answer) -> Vec<Outcome> {
    let Message::Change(change) = message else { return vec![] };
    let set = change.set.iter().filter(|resource| type_of(resource) != 3).filter_map(|resource| {
        let outcome = match answer {
            Answer::RefuseKeys if type_of(resource) == 2 => outcome::Outcome::Refused(Refusal {
                reason: RefusalReason::Invalid.into(),
                detail: "no such curve".to_owned(),
            }),
            Answer::Serve | Answer::RefuseKeys => outcome::Outcome::Served(Served {}),
            Answer::Refuse => outcome::Outcome::Refused(Refusal {
                reason: RefusalReason::PortUnavailable.into(),
                detail: "port 10000 is taken".to_owned(),
            }),
            Answer::Silence => return None,
        };
        let reference = ResourceRef { r#type: type_of(resource), id: resource.id.clone(), version: resource.version };
        Some(Outcome { resource: Some(reference), outcome: Some(outcome) })
    });
    let removed = change.removed.iter().filter(|_| answer != Answer::Silence).map(|removed| Outcome {
        resource: Some(removed.clone()),
        outcome: Some(outcome::Outcome::Removed(Removed {})),
    });
    set.chain(removed).collect()
}

const SECOND: Duration = Duration::from_secs(1);
