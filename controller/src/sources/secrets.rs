//! Follows the Secrets of one namespace: by their metadata, for all of them; the data is read of those alone that a route
//! refers to. So data that nobody uses never reaches the controller.

use std::pin::pin;
use std::time::Instant;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};

use super::needs::SecretName;
use super::secret::{self, Known};
use super::unread::Unread;
use super::{Sources, lock};

/// After so long a watch begins again: a right that was taken away is noticed then.
const WATCH_SECONDS: u32 = 60;
/// How many Secrets are read at once.
const AT_ONCE: usize = 8;

/// Never ends well.
pub(super) async fn follow(client: Client, namespace: String, sources: Sources) -> &'static str {
    let api: Api<Secret> = Api::namespaced(client.clone(), &namespace);
    let metadata: Api<PartialObjectMeta<Secret>> = Api::namespaced(client, &namespace);
    let stream = watcher(metadata, watcher::Config::default().timeout(WATCH_SECONDS)).default_backoff();
    let mut stream = pin!(stream);
    let mut unread = Unread::default();
    loop {
        let asked = async {
            if let Some(notify) = sources.0.asked_to_read.get(&namespace) {
                notify.notified().await;
            }
        };
        let due = unread.due();
        let again = async {
            match due {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = stream.next() => match event {
                Some(event) => seen(&sources, &namespace, event),
                None => return "the watch of Secrets",
            },
            () = asked => {}
            () = again => {}
        }
        let asked = sources.0.to_read.get(&namespace).map(|asked| std::mem::take(&mut *lock(asked)));
        let due = unread.begin(asked.unwrap_or_default(), Instant::now());
        let reads = futures::stream::iter(due).map(|name| read(&api, &sources, name)).buffer_unordered(AT_ONCE);
        let failed = reads.filter_map(std::future::ready).collect().await;
        unread.failed(failed, Instant::now(), rand::random());
    }
}

fn seen(sources: &Sources, namespace: &str, event: Result<watcher::Event<PartialObjectMeta<Secret>>, watcher::Error>) {
    match event {
        Ok(watcher::Event::Apply(secret) | watcher::Event::Delete(secret)) => {
            let name = secret.metadata.name.unwrap_or_default();
            let secret = SecretName { namespace: namespace.to_owned(), name };
            if sources.state().uses(&secret).is_some() {
                sources.ask_to_read(secret);
            }
        }
        Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => {}
        Ok(watcher::Event::InitDone) => {
            let used = sources.state().secrets(namespace);
            used.into_iter().for_each(|secret| sources.ask_to_read(secret));
        }
        Err(error) => {
            tracing::warn!(namespace, %error, "the watch of Secrets broke; it begins again");
            if is_forbidden(&error) {
                // Whether the right to read is gone, too, the reads themselves say: a watch that is refused once says
                // nothing of it, and nothing when it works again.
                let readable = sources.state().readable(namespace);
                readable.into_iter().for_each(|secret| sources.ask_to_read(secret));
            }
        }
    }
}

fn is_forbidden(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == 403,
        watcher::Error::WatchError(status) => status.code == 403,
        _ => false,
    }
}

/// Reads a Secret, if it is used. Gives it back if it is to be read again by itself: where that failed, what is known of it
/// stays as it is; where it was refused, nobody tells when it isn't any more.
async fn read(api: &Api<Secret>, sources: &Sources, name: SecretName) -> Option<SecretName> {
    let uses = sources.state().uses(&name)?;
    let (known, outcome) = match api.get_opt(&name.name).await {
        Ok(Some(secret)) => (Known::Present(secret::take(&secret.data.unwrap_or_default(), &uses)), "found"),
        Ok(None) => (Known::Missing, "not_found"),
        Err(kube::Error::Api(status)) if status.code == 403 => (Known::NotPermitted, "forbidden"),
        Err(error) => {
            // Not the error's own words: one of reading may show a part of what was read.
            let kind = match &error {
                kube::Error::Api(status) => status.reason.clone(),
                _ => "no answer, or one that can't be read".to_owned(),
            };
            tracing::warn!(secret = %name, error = kind, "a Secret can't be read; it is tried again");
            sources.0.metrics.secret_read("failed");
            return Some(name);
        }
    };
    sources.0.metrics.secret_read(outcome);
    let again = (known == Known::NotPermitted).then(|| name.clone());
    sources.change(|state, _| state.secret_read(&name, known));
    again
}
