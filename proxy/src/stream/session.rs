//! One stream, from Hello to its end: messages go to the programmer; outcomes, reports and the wish to leave come back.

use std::net::SocketAddr;
use std::time::Duration;

use lambdaroute_proxy_config::v1alpha1::route_table_client::RouteTableClient;
use lambdaroute_proxy_config::v1alpha1::{Ack, FromProxy, Hello, Leaving, Outcome, ToProxy, from_proxy, to_proxy};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Request, Streaming};

use super::{Ended, Follower, connect};
use crate::aws::Identity;
use crate::moment::Moment;
use crate::programmer::{Command, Told};
use crate::report::{News, Pace, report};
use crate::table::SUPPORTED;

/// How long outcomes are gathered for one Ack.
const GATHER: Duration = Duration::from_millis(20);
/// Outcomes in one Ack.
const MOST_OUTCOMES: usize = 500;
/// A controller accepts a stream at once, or isn't one.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(10);
/// A piece of a snapshot is small; this is what a broken controller may cost.
const MOST_MESSAGE: usize = 16 * 1024 * 1024;

impl Follower {
    /// `whole`: set once the stream has given a whole table.
    pub(super) async fn session(&self, address: SocketAddr, whole: &mut bool) -> Ended {
        match self.begin(address).await {
            Ok(mut stream) => {
                tracing::info!(%address, "stream to the controller begins");
                match self.exchange(&mut stream, whole).await {
                    Ok(never) => match never {},
                    Err(ended) => ended,
                }
            }
            Err(ended) => ended,
        }
    }

    async fn begin(&self, address: SocketAddr) -> Result<Stream, Ended> {
        let channel = connect::channel(address, &self.ca_file).await?;
        let bearer = connect::bearer(&self.token_file).await?;
        let (told_to, told) = mpsc::unbounded_channel();
        let (version_to, version) = oneshot::channel();
        self.commands.send(Command::Begin(told_to, version_to)).await.map_err(|_| Ended::Stopping)?;
        let hello = Hello {
            proxy_version: env!("CARGO_PKG_VERSION").to_owned(),
            features: SUPPORTED.iter().map(|&feature| feature.to_owned()).collect(),
            table_version: version.await.map_err(|_| Ended::Stopping)?,
        };
        let (to_controller, outgoing) = mpsc::unbounded_channel();
        send(&to_controller, from_proxy::Message::Hello(hello))?;
        let mut request = Request::new(UnboundedReceiverStream::new(outgoing));
        request.metadata_mut().insert("authorization", bearer);
        let mut client = RouteTableClient::new(channel).max_decoding_message_size(MOST_MESSAGE);
        let incoming = timeout(BEGIN_TIMEOUT, client.stream(request)).await.map_err(|_| Ended::Silent)?;
        let incoming = incoming.map_err(|status| Ended::Refused(Box::new(status)))?.into_inner();
        Ok(Stream { incoming, to_controller, told })
    }

    async fn exchange(&self, stream: &mut Stream, whole: &mut bool) -> Result<std::convert::Infallible, Ended> {
        let mut identity = self.credentials.identity();
        let mut leaving = self.lifecycle.leaving();
        let mut pace = Pace::new();
        let mut outcomes: Vec<Outcome> = Vec::new();
        let mut flush_at = Instant::now();
        let mut said_leaving = false;
        // What is known already is told at once, what isn't when it changes.
        if *identity.borrow() != Identity::Unknown {
            identity.mark_changed();
        }
        loop {
            if *leaving.borrow_and_update() && !said_leaving {
                said_leaving = true;
                send(&stream.to_controller, from_proxy::Message::Leaving(Leaving {}))?;
            }
            tokio::select! {
                message = stream.incoming.message() => self.receive(message).await?,
                told = stream.told.recv() => match told.ok_or(Ended::Stopping)? {
                    Told::Outcomes(more) => {
                        if outcomes.is_empty() {
                            flush_at = Instant::now() + GATHER;
                        }
                        outcomes.extend(more);
                    }
                    Told::Whole => {
                        *whole = true;
                        self.contact.connected(Moment::now());
                        self.metrics.connected.set(1);
                    }
                    Told::Stale(more) => {
                        send(&stream.to_controller, from_proxy::Message::Ack(Ack { outcomes: more }))?;
                        // Gives the refusal a moment to leave before the stream is dropped.
                        let _ = timeout(GATHER, stream.incoming.message()).await;
                        return Err(Ended::Stale);
                    }
                },
                () = sleep_until(flush_at), if !outcomes.is_empty() => {
                    let rest = outcomes.split_off(outcomes.len().min(MOST_OUTCOMES));
                    send(&stream.to_controller, from_proxy::Message::Ack(Ack { outcomes }))?;
                    outcomes = rest;
                }
                news = pace.next(&self.counts) => {
                    send(&stream.to_controller, from_proxy::Message::Report(report(&identity.borrow(), news)))?;
                }
                Ok(()) = identity.changed() => {
                    send(&stream.to_controller, from_proxy::Message::Report(report(&identity.borrow_and_update(), News::default())))?;
                }
                Ok(()) = leaving.changed(), if !said_leaving => {}
            }
        }
    }

    async fn receive(&self, message: Result<Option<ToProxy>, tonic::Status>) -> Result<(), Ended> {
        let message = message.map_err(|status| Ended::Refused(Box::new(status)))?.ok_or(Ended::Closed)?;
        match message.message {
            Some(to_proxy::Message::Left(_)) => {
                self.lifecycle.set_left();
                Ok(())
            }
            Some(message) => self.commands.send(Command::Message(message)).await.map_err(|_| Ended::Stopping),
            // A kind of message that this version doesn't know: routes that hang on it name a feature.
            None => Ok(()),
        }
    }
}

/// Both directions of a stream, and what the programmer tells it.
struct Stream {
    incoming: Streaming<ToProxy>,
    to_controller: mpsc::UnboundedSender<FromProxy>,
    told: mpsc::UnboundedReceiver<Told>,
}

fn send(to: &mpsc::UnboundedSender<FromProxy>, message: from_proxy::Message) -> Result<(), Ended> {
    to.send(FromProxy { message: Some(message) }).map_err(|_| Ended::Closed)
}
