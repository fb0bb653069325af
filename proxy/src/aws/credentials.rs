//! The credentials that requests are signed with now, and what is known about them. Read on each request without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use http::HeaderValue;
use tokio::sync::{Notify, watch};

use crate::clock_offset::ClockOffset;

/// The longest that a request waits for new credentials after AWS refused the old ones as expired.
const RENEWAL: Duration = Duration::from_secs(10);

/// Tells one set of credentials from another, for those who keep what they have made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(u64);

/// What a request is signed with. No `Debug`: it holds the secret.
pub(crate) struct SigningCredentials {
    /// No other credentials of this process have it.
    pub(crate) generation: Generation,
    /// Public part of the key.
    pub(crate) access_key_id: String,
    /// The secret. Never logged.
    pub(super) secret_access_key: String,
    /// `x-amz-security-token`, where there is one; marked sensitive.
    pub(crate) session_token: Option<HeaderValue>,
    /// When AWS stops accepting them. Absent: never.
    pub(crate) expires: Option<SystemTime>,
}

impl SigningCredentials {
    /// Whether AWS accepts them at this time.
    fn are_valid_at(&self, now: SystemTime) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    /// From the SDK's.
    ///
    /// # Errors
    /// The session token isn't a header value.
    pub(crate) fn new(credentials: &aws_credential_types::Credentials) -> Result<Self, String> {
        static GENERATIONS: AtomicU64 = AtomicU64::new(0);
        let session_token = credentials.session_token().map(HeaderValue::from_str).transpose();
        let mut session_token = session_token.map_err(|_| "the session token is not a header value".to_owned())?;
        if let Some(token) = &mut session_token {
            token.set_sensitive(true);
        }
        Ok(SigningCredentials {
            generation: Generation(GENERATIONS.fetch_add(1, Ordering::Relaxed)),
            access_key_id: credentials.access_key_id().to_owned(),
            secret_access_key: credentials.secret_access_key().to_owned(),
            session_token,
            expires: credentials.expiry(),
        })
    }

    /// Whether these are the same key, whatever their expiry.
    pub(super) fn same_key(&self, other: &Self) -> bool {
        self.access_key_id == other.access_key_id
            && self.secret_access_key == other.secret_access_key
            && self.session_token == other.session_token
    }
}

/// Whose credentials they are, as the controller is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Not looked at yet.
    Unknown,
    /// The ARN that STS names.
    Arn(String),
    /// There are credentials, and requests are signed with them; why it can't be told whose they are.
    Unidentified(String),
    /// Why there are none that AWS accepts.
    NoCredentials(String),
}

/// How long credentials that took others' place count as of the same principal while STS gives no answer: mostly they are the
/// next session of the same role.
const PATIENCE: Duration = Duration::from_secs(60);

impl Identity {
    /// What is told after STS gave no answer about credentials that have been there for so long.
    pub(super) fn after_silence(self, there: Duration, why: String) -> Self {
        match self {
            Identity::Arn(arn) if there < PATIENCE => Identity::Arn(arn),
            _ => Identity::Unidentified(why),
        }
    }

    /// What is told after the source gave no credentials, while those from before are, or aren't, still accepted.
    pub(super) fn after_no_load(self, accepted: bool, why: String) -> Self {
        if accepted { self } else { Identity::NoCredentials(why) }
    }
}

/// The process's credentials: swapped whole, old ones used until they really expire.
pub(crate) struct CredentialStore {
    current: ArcSwapOption<SigningCredentials>,
    had: AtomicBool,
    identity: watch::Sender<Identity>,
    /// Somebody can't wait for the next regular load.
    wanted: Notify,
    /// How often the source was asked.
    loads: watch::Sender<u64>,
    /// The most that a clock of AWS's was found ahead of ours, in milliseconds; never less than 0.
    ahead: AtomicI64,
}

impl CredentialStore {
    /// None yet.
    pub(crate) fn new() -> Self {
        CredentialStore {
            current: ArcSwapOption::empty(),
            had: AtomicBool::new(false),
            identity: watch::Sender::new(Identity::Unknown),
            wanted: Notify::new(),
            loads: watch::Sender::new(0),
            ahead: AtomicI64::new(0),
        }
    }

    /// Credentials that AWS accepts at this time.
    pub(crate) fn valid_at(&self, now: SystemTime) -> Option<Arc<SigningCredentials>> {
        let valid = self.current.load_full().filter(|credentials| credentials.are_valid_at(now));
        if valid.is_none() {
            self.want();
        }
        valid
    }

    /// Whether there are credentials that AWS accepts at this time. If not, others are asked for: the time of the next
    /// regular load may be far, where a machine slept or its clock was set.
    pub(crate) fn are_valid_at(&self, now: SystemTime) -> bool {
        let are_valid = self.current.load().as_ref().is_some_and(|current| current.are_valid_at(now));
        if !are_valid {
            self.want();
        }
        are_valid
    }

    /// Asks for others. However many ask, the source is asked no more often than every few seconds.
    pub(crate) fn want(&self) {
        self.wanted.notify_one();
    }

    /// AWS's clock was found to be off by so much: credentials are renewed by the clock that is farthest ahead.
    pub(crate) fn know_clock(&self, offset: ClockOffset) {
        self.ahead.fetch_max(offset.milliseconds(), Ordering::Relaxed);
    }

    /// The time by AWS's clock, or ours if that is ahead.
    pub(super) fn latest(&self, ours: SystemTime) -> SystemTime {
        ClockOffset::from_milliseconds(self.ahead.load(Ordering::Relaxed)).apply(ours)
    }

    /// Credentials that aren't these, which AWS refused as expired. However many requests ask, the source is asked once.
    /// Absent: the source has no others.
    pub(crate) async fn other_than(&self, refused: &SigningCredentials) -> Option<Arc<SigningCredentials>> {
        let mut loads = self.loads.subscribe();
        let other = || self.current.load_full().filter(|current| !current.same_key(refused));
        if let Some(other) = other() {
            return Some(other);
        }
        self.want();
        // Whatever becomes of the waiting: they may be there.
        let _ = tokio::time::timeout(RENEWAL, loads.changed()).await;
        other()
    }

    /// Waits until somebody can't wait for the next regular load.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// The source was asked, with or without success.
    pub(super) fn loaded(&self) {
        self.loads.send_modify(|loads| *loads += 1);
    }

    /// When the current credentials expire, if they do.
    pub(crate) fn expires(&self) -> Option<SystemTime> {
        self.current.load().as_ref().and_then(|credentials| credentials.expires)
    }

    /// Whether there ever were credentials: part of readiness, which a later failure doesn't take back.
    pub(crate) fn had_any(&self) -> bool {
        self.had.load(Ordering::Relaxed)
    }

    /// Follows the identity.
    pub(crate) fn identity(&self) -> watch::Receiver<Identity> {
        self.identity.subscribe()
    }

    /// Replaces the credentials; tells whether the key changed.
    pub(super) fn replace(&self, new: SigningCredentials) -> bool {
        let new = Arc::new(new);
        let old = self.current.swap(Some(new.clone()));
        self.had.store(true, Ordering::Relaxed);
        !old.is_some_and(|old| old.same_key(&new))
    }

    /// Whether there are credentials that AWS accepts at this time; nobody is asked for others.
    pub(super) fn holds_valid_at(&self, now: SystemTime) -> bool {
        self.current.load().as_ref().is_some_and(|current| current.are_valid_at(now))
    }

    /// What was told last.
    pub(super) fn told(&self) -> Identity {
        self.identity.borrow().clone()
    }

    /// Says whose they are; wakes followers only on a change.
    pub(super) fn identify(&self, identity: Identity) {
        self.identity.send_if_modified(|current| {
            let changed = *current != identity;
            *current = identity;
            changed
        });
    }
}
