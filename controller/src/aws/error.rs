//! Why a call to AWS failed, in the kinds that decide what happens next.

use std::fmt;
use std::time::Duration;

use aws_sdk_lambda::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::Denied;

/// What kind of failure it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// What the call is about doesn't exist.
    NotFound,
    /// It exists already, or another write is under way: look again.
    Conflict,
    /// The RevisionId isn't the latest: look again.
    PreconditionFailed,
    /// IAM refuses the controller.
    AccessDenied(Denied),
    /// The controller has no credentials, or AWS doesn't accept them.
    Credentials,
    /// The function is of another account than the controller's credentials.
    OtherAccount {
        /// The account of the credentials.
        own: String,
    },
    /// Too many calls.
    Throttled {
        /// When AWS says so.
        retry_after: Option<Duration>,
    },
    /// AWS doesn't know the principal (yet): a new role takes up to two minutes. Whose it is, in the manifest's or the
    /// installation's words.
    InvalidPrincipal(Option<String>),
    /// The account blocks policies that let in everybody.
    PublicPolicyBlocked,
    /// AWS took the write, and has other settings all the same: these, in a person's words.
    NotTaken(Vec<String>),
    /// The policy would be over AWS's 20,480 bytes.
    PolicyTooLarge,
    /// No answer: whether a write was carried out isn't known.
    Unreachable,
    /// The Lease ended before: nothing was sent, or its answer is of no use any more.
    NotLeading,
    /// Anything else that AWS said.
    Other,
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// `lambda:AddPermission`.
    pub operation: &'static str,
    /// What happens next depends on it.
    pub kind: ErrorKind,
    /// AWS's code; ours where AWS gave none.
    pub code: String,
    /// AWS's words; they may change with every try, so they go into a status only by [`crate::steady`].
    pub message: String,
    /// For AWS's support; Events name it.
    pub request_id: Option<String>,
}

impl std::error::Error for AwsError {}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, kind: _, code, message, request_id } = self;
        write!(f, "{operation} failed: {code}: {message}")?;
        match request_id {
            Some(id) => write!(f, " (request id {id})"),
            None => Ok(()),
        }
    }
}

impl AwsError {
    pub(super) fn of<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let request_id = error.request_id().map(ToOwned::to_owned);
        let retry_after = error
            .raw_response()
            .and_then(|response| response.headers().get("retry-after"))
            .and_then(|text| text.trim().parse().ok())
            .map(Duration::from_secs);
        match error.as_service_error() {
            Some(answer) => {
                let code = answer.code().unwrap_or("Unknown").to_owned();
                let message = answer.message().unwrap_or("no message").to_owned();
                let kind = classify(operation, &code, &message, retry_after);
                Self { operation, kind, code, message, request_id }
            }
            None => {
                let message = DisplayErrorContext(&error).to_string();
                let no_credentials = message.to_ascii_lowercase().contains("credentials");
                let (kind, code) = if no_credentials {
                    (ErrorKind::Credentials, "NoCredentials")
                } else {
                    (ErrorKind::Unreachable, "NoAnswer")
                };
                Self { operation, kind, code: code.to_owned(), message, request_id }
            }
        }
    }

    /// AWS answered something that can't be.
    pub(super) fn unexpected(operation: &'static str, what: &str) -> Self {
        Self {
            operation,
            kind: ErrorKind::Other,
            code: "UnexpectedAnswer".to_owned(),
            message: format!("AWS answered {what}"),
            request_id: None,
        }
    }

    /// Whether it says something of this one write alone, and what it was to change is as before: another write may do.
    pub fn is_of_one_write(&self) -> bool {
        match self.kind {
            ErrorKind::AccessDenied(_)
            | ErrorKind::InvalidPrincipal(_)
            | ErrorKind::PublicPolicyBlocked
            | ErrorKind::NotTaken(_)
            | ErrorKind::PolicyTooLarge
            | ErrorKind::Other => true,
            ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::PreconditionFailed
            | ErrorKind::Credentials
            | ErrorKind::OtherAccount { .. }
            | ErrorKind::Throttled { .. }
            | ErrorKind::Unreachable
            | ErrorKind::NotLeading => false,
        }
    }

    /// The same, with what it was about where AWS didn't name it.
    pub fn about(mut self, arn: &str) -> Self {
        if let ErrorKind::AccessDenied(denied) = &mut self.kind {
            denied.resource.get_or_insert_with(|| arn.to_owned());
        }
        self
    }

    /// The same, with whom it was to let in.
    pub fn granting(mut self, whose: &str) -> Self {
        if let ErrorKind::InvalidPrincipal(unknown) = &mut self.kind {
            unknown.get_or_insert_with(|| whose.to_owned());
        }
        self
    }

    /// AWS answers a write with other settings than it was given.
    pub(super) fn not_taken(operation: &'static str, left: Vec<String>) -> Self {
        Self {
            operation,
            code: "NotTaken".to_owned(),
            message: format!("AWS answered other settings than it was given: {}", left.join("; ")),
            kind: ErrorKind::NotTaken(left),
            request_id: None,
        }
    }

    /// A target of another account than the controller's credentials: nothing is sent.
    pub fn other_account(own: &str) -> Self {
        Self {
            operation: "lambda:*",
            kind: ErrorKind::OtherAccount { own: own.to_owned() },
            code: "OtherAccount".to_owned(),
            message: format!("the controller's credentials are of account {own}"),
            request_id: None,
        }
    }

    /// There was no time for an answer.
    pub fn late(operation: &'static str) -> Self {
        Self {
            operation,
            kind: ErrorKind::Unreachable,
            code: "NoAnswer".to_owned(),
            message: "no answer in time".to_owned(),
            request_id: None,
        }
    }

    pub(super) fn not_leading(operation: &'static str) -> Self {
        Self {
            operation,
            kind: ErrorKind::NotLeading,
            code: "NotLeading".to_owned(),
            message: "the leader's Lease ended".to_owned(),
            request_id: None,
        }
    }

    /// The code as a metric label: AWS's codes are short words; anything else is `Other`.
    pub fn label(&self) -> &str {
        let word = (1..=64).contains(&self.code.len()) && self.code.bytes().all(|b| b.is_ascii_alphanumeric());
        if word { &self.code } else { "Other" }
    }
}

/// The kind of an answer. Codes: the errors of each operation in Lambda's API reference, and AWS's common errors,
/// <https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html>.
pub(super) fn classify(operation: &str, code: &str, message: &str, retry_after: Option<Duration>) -> ErrorKind {
    match code {
        "ResourceNotFoundException" => ErrorKind::NotFound,
        "ResourceConflictException" => ErrorKind::Conflict,
        "PreconditionFailedException" => ErrorKind::PreconditionFailed,
        "PublicPolicyException" => ErrorKind::PublicPolicyBlocked,
        "PolicyLengthExceededException" => ErrorKind::PolicyTooLarge,
        "AccessDeniedException" | "AccessDenied" => ErrorKind::AccessDenied(Denied::parse(operation, message)),
        "TooManyRequestsException" | "ThrottlingException" | "Throttling" | "RequestLimitExceeded" => {
            ErrorKind::Throttled { retry_after }
        }
        "InvalidParameterValueException" if message.to_ascii_lowercase().contains("principal") => {
            ErrorKind::InvalidPrincipal(None)
        }
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => ErrorKind::Credentials,
        "ServiceException" | "ServiceUnavailable" | "ServiceUnavailableException" | "InternalFailure" => {
            ErrorKind::Unreachable
        }
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests;
