//! A condition without its times.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use lambdaroute_crds::condition::Reason;

/// A condition's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is so.
    True,
    /// It isn't.
    False,
    /// Nobody knows yet.
    Unknown,
}

impl State {
    /// Kubernetes' word.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::True => "True",
            State::False => "False",
            State::Unknown => "Unknown",
        }
    }
}

/// Who must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever wrote the manifest.
    You,
    /// Whoever runs the cluster, the controller and the account.
    Platform,
    /// AWS: it is tried again.
    Aws,
    /// Nobody.
    Nobody,
}

impl Actor {
    /// Who must act on a reason.
    pub const fn on(reason: Reason) -> Self {
        match reason {
            Reason::InvalidSpec
            | Reason::UnsupportedValue
            | Reason::ServiceNameConflict
            | Reason::Conflicted
            | Reason::FunctionNotFound
            | Reason::QualifierNotFound
            | Reason::SecretNotFound
            | Reason::AlreadyExists
            | Reason::Suspended => Actor::You,
            Reason::NotPermitted
            | Reason::TargetChanged
            | Reason::RefNotPermitted
            | Reason::KeysUnavailable
            | Reason::Unknown
            | Reason::WrongPrincipal
            | Reason::Unidentified
            | Reason::Unavailable
            | Reason::AccessDenied
            | Reason::InUseElsewhere
            | Reason::ConflictingManager
            | Reason::PolicyTooLarge
            | Reason::NoReadyProxies
            | Reason::Refused
            | Reason::DeletionBlocked => Actor::Platform,
            Reason::Throttled | Reason::Unreachable => Actor::Aws,
            Reason::Accepted
            | Reason::ResolvedRefs
            | Reason::Valid
            | Reason::Synced
            | Reason::Observed
            | Reason::Programmed
            | Reason::Pending
            | Reason::Ready => Actor::Nobody,
        }
    }
}

/// What is said of one aspect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it is so.
    pub state: State,
    /// Why.
    pub reason: Reason,
    /// What and what now.
    pub message: String,
    /// Who must act.
    pub actor: Actor,
}

impl Judgement {
    pub(super) fn new(state: State, reason: Reason, message: impl Into<String>) -> Self {
        Self { state, reason, message: message.into(), actor: Actor::on(reason) }
    }

    pub(super) fn yes(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(State::True, reason, message)
    }

    pub(super) fn no(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(State::False, reason, message)
    }

    pub(super) fn pending(message: impl Into<String>) -> Self {
        Self::new(State::Unknown, Reason::Pending, message)
    }

    /// Of a condition that stands.
    pub(super) fn of(condition: &Condition) -> Self {
        let state = match condition.status.as_str() {
            "True" => State::True,
            "False" => State::False,
            _ => State::Unknown,
        };
        let reason = Reason::ALL.iter().copied().find(|reason| reason.as_str() == condition.reason);
        Self::new(state, reason.unwrap_or(Reason::Pending), condition.message.clone())
    }

    /// The message of `Ready`: it begins with who must act.
    pub(super) fn summary(&self) -> String {
        match self.actor {
            Actor::You => format!("You: {}", self.message),
            Actor::Platform => format!("Platform team: {}", self.message),
            Actor::Aws => format!("AWS: {}", self.message),
            Actor::Nobody => self.message.clone(),
        }
    }
}
