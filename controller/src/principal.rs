//! The principal of the proxies: what `--proxy-principal` may be, and whether a proxy's credentials are its.

use std::fmt;
use std::str::FromStr;

/// A role's or a user's ARN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProxyPrincipal {
    arn: String,
    partition: String,
    account_id: String,
    kind: Kind,
    /// The last part of the name: STS names an assumed role without its path.
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Role,
    User,
}

/// A text that names neither a role nor a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the ARN of an IAM role or user, such as arn:aws:iam::111122223333:role/lambdaroute-proxy")]
pub struct InvalidPrincipal(String);

impl FromStr for ProxyPrincipal {
    type Err = InvalidPrincipal;

    fn from_str(text: &str) -> Result<Self, InvalidPrincipal> {
        let invalid = || InvalidPrincipal(text.to_owned());
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account_id, entity] = parts.as_slice() else { return Err(invalid()) };
        let (kind, path) = entity.split_once('/').ok_or_else(invalid)?;
        let kind = match kind {
            "role" => Kind::Role,
            "user" => Kind::User,
            _ => return Err(invalid()),
        };
        let name = path.rsplit('/').next().unwrap_or_default();
        let digits = account_id.len() == 12 && account_id.bytes().all(|b| b.is_ascii_digit());
        let plain = path.bytes().all(|b| b.is_ascii_graphic() && b != b'*' && b != b':');
        if !digits || !partition.starts_with("aws") || name.is_empty() || !plain || text.len() > 2048 {
            return Err(invalid());
        }
        Ok(Self {
            arn: text.to_owned(),
            partition: (*partition).to_owned(),
            account_id: (*account_id).to_owned(),
            kind,
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for ProxyPrincipal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

impl ProxyPrincipal {
    /// The ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Whether STS's name of a proxy's credentials (GetCallerIdentity) is this principal's. A role shows as
    /// `arn:aws:sts::<account>:assumed-role/<name without path>/<session>`.
    pub fn is(&self, identity: &str) -> bool {
        match self.kind {
            Kind::User => identity == self.arn,
            Kind::Role => {
                let prefix = format!("arn:{}:sts::{}:assumed-role/{}/", self.partition, self.account_id, self.name);
                identity.strip_prefix(&prefix).is_some_and(|session| !session.is_empty() && !session.contains('/'))
            }
        }
    }
}

/// `arn:aws:sts::1:assumed-role/name/session` → `arn:aws:sts::1:assumed-role/name`: a session's name changes with each Pod.
pub fn without_session(arn: &str) -> String {
    match arn.split_once(":assumed-role/") {
        Some((head, tail)) => format!("{head}:assumed-role/{}", tail.split('/').next().unwrap_or(tail)),
        None => arn.to_owned(),
    }
}

#[cfg(test)]
mod tests;
