//! One stream's life: hello, then what the table says and what the proxy answers, until either ends it.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use lambdaroute_proxy_config::v1alpha1::{FromProxy, Hello, ToProxy, from_proxy::Message};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tonic::{Status, Streaming};
use tracing::{debug, info};

use super::Server;
use super::authentication::Proven;
use crate::table::{Close, Event, RouteTable, StreamId, StreamSignals};

/// How long a proxy may take to say hello.
const HELLO: Duration = Duration::from_secs(10);
/// How many seconds after its token's end a stream may live: the proxy comes back with a fresh one.
const GRACE: i64 = 10;
/// How long a stream waits to tell why it ends.
const FAREWELL: Duration = Duration::from_secs(1);

pub(super) struct ProxyStream {
    pub(super) server: Server,
    pub(super) id: StreamId,
    pub(super) proven: Proven,
    pub(super) sender: mpsc::Sender<Result<ToProxy, Status>>,
}

/// Ends the stream in the table, however its task ends.
struct Registered<'a>(&'a RouteTable, &'a Proven, StreamId);

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.0.unregister(&self.1.pod, self.2);
    }
}

impl ProxyStream {
    pub(super) async fn run(self, mut incoming: Streaming<FromProxy>) {
        let end = self.talk(&mut incoming).await;
        debug!(pod = %self.proven.pod_name, status = %end.message(), "stream ended");
        let _ = timeout(FAREWELL, self.sender.send(Err(end))).await;
    }

    async fn talk(&self, incoming: &mut Streaming<FromProxy>) -> Status {
        let hello = match timeout(HELLO, incoming.message()).await {
            Ok(Ok(Some(FromProxy { message: Some(Message::Hello(hello)) }))) => hello,
            Ok(Ok(_)) => return Status::invalid_argument("the first message must be a hello"),
            Ok(Err(status)) => return status,
            Err(_) => return Status::deadline_exceeded("no hello in time"),
        };
        let signals = self.server.table.register(self.id);
        let _registered = Registered(&self.server.table, &self.proven, self.id);
        self.greet(hello);
        self.exchange(incoming, signals).await
    }

    fn greet(&self, hello: Hello) {
        let Hello { proxy_version, features, table_version } = hello;
        let table = table_version.map(|version| format!("{}.{}", version.epoch, version.counter));
        info!(pod = %self.proven.pod_name, version = %proxy_version.escape_debug(), table, "proxy connected");
        let proxy = self.proven.pod.clone();
        self.server.table.apply(Event::Hello { proxy, stream: self.id, features, table_version });
    }

    async fn exchange(&self, incoming: &mut Streaming<FromProxy>, mut signals: StreamSignals) -> Status {
        let mut leading = self.server.leading.clone();
        let left = self.proven.expires.saturating_add(GRACE).saturating_sub(Timestamp::now().as_second());
        let end = Instant::now() + Duration::from_secs(u64::try_from(left).unwrap_or(0));
        let mut more = true;
        loop {
            tokio::select! {
                message = incoming.message() => match message {
                    Ok(Some(FromProxy { message: Some(message) })) => {
                        if let Err(status) = self.hear(message) {
                            return status;
                        }
                    }
                    // A message of a kind that this version doesn't know.
                    Ok(Some(FromProxy { message: None })) => {}
                    Ok(None) => return Status::ok("closed by the proxy"),
                    Err(status) => return status,
                },
                () = signals.wake.notified() => more = true,
                place = self.sender.reserve(), if more => {
                    let Ok(place) = place else { return Status::cancelled("the proxy is gone") };
                    match self.server.table.next_message(&self.proven.pod, self.id) {
                        Some(message) => place.send(Ok(message)),
                        None => more = false,
                    }
                }
                Ok(()) = signals.close.changed() => {
                    return match *signals.close.borrow_and_update() {
                        Some(Close::Replaced) => Status::aborted("this pod has a newer stream"),
                        Some(Close::PodGone) => Status::permission_denied("the pod is gone"),
                        Some(Close::Superseded) => Status::failed_precondition("a later replica leads: try the next address"),
                        None => continue,
                    };
                }
                Ok(()) = leading.changed() => {
                    if !*leading.borrow_and_update() {
                        return Status::failed_precondition("this replica doesn't lead any more: try the next address");
                    }
                }
                () = tokio::time::sleep_until(end) => {
                    return Status::unauthenticated("the token has ended: come back with a fresh one");
                }
                () = self.server.stop.cancelled() => return Status::unavailable("this replica is stopping"),
            }
        }
    }

    fn hear(&self, message: Message) -> Result<(), Status> {
        let proxy = self.proven.pod.clone();
        self.server.table.apply(match message {
            Message::Hello(_) => return Err(Status::invalid_argument("a second hello")),
            Message::Ack(ack) => Event::Ack(proxy, self.id, ack.outcomes),
            Message::Report(report) => {
                for cause in &report.causes {
                    self.server.metrics.reported(&cause.cause, cause.count);
                }
                Event::Report(proxy, self.id, report)
            }
            Message::Leaving(_) => Event::Leaving(proxy, self.id),
        });
        Ok(())
    }
}
