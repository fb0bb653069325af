//! The Sids of our permission statements: they carry ownership, since neither URL configs nor statements have tags.
//! `lr1-<cluster id>-<target hash>-<statement hash>-<url|fn>[-c<CreationTime in base 36>]`. Only Sids that this parses and
//! whose cluster and target are ours may ever be removed.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

/// Lambda's limit for a StatementId. Source: <https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html>
pub const MAX_LENGTH: usize = 100;

const PREFIX: &str = "lr1";
const MAX_CLUSTER: usize = 16;
const HASH: usize = 12;

/// Which cluster wrote a statement: 1 to 16 characters of `[a-z0-9]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterId(String);

/// A cluster id that can't stand in a Sid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cluster id is 1 to 16 characters of a-z and 0-9")]
pub struct InvalidClusterId;

impl FromStr for ClusterId {
    type Err = InvalidClusterId;

    fn from_str(text: &str) -> Result<Self, InvalidClusterId> {
        let fits = (1..=MAX_CLUSTER).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidClusterId) }
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ClusterId {
    /// The id of a cluster that wasn't given one: the first 8 hex digits of its `kube-system` namespace's uid.
    ///
    /// # Errors
    /// If the uid has fewer than 8 hex digits.
    pub fn from_namespace_uid(uid: &str) -> Result<Self, InvalidClusterId> {
        let digits: String =
            uid.chars().filter(char::is_ascii_hexdigit).take(8).map(|c| c.to_ascii_lowercase()).collect();
        if digits.len() == 8 { digits.parse() } else { Err(InvalidClusterId) }
    }
}

/// Which statement of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `lambda:InvokeFunctionUrl`.
    Url,
    /// `lambda:InvokeFunction`, through the URL only.
    Fn,
}

impl Kind {
    /// Its word in the Sid.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Url => "url",
            Kind::Fn => "fn",
        }
    }
}

/// A URL config's CreationTime, microseconds since 1970 in base 36: the proof that we made it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark(String);

impl Mark {
    /// The mark of a CreationTime as AWS spells it. None if it is no time: then nothing proves anything.
    pub fn of(creation_time: &str) -> Option<Self> {
        let time: Timestamp = creation_time.parse().ok()?;
        let micros = u64::try_from(time.as_microsecond()).ok()?;
        Some(Self(base36(micros)))
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn base36(mut n: u64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut digits = Vec::new();
    loop {
        digits.push(char::from(DIGITS[usize::try_from(n % 36).unwrap_or_default()]));
        n /= 36;
        if n == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

/// One of our Sids, or another cluster's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid {
    /// Who wrote it.
    pub cluster: ClusterId,
    /// [`FunctionTarget::hash`](crate::target::FunctionTarget::hash).
    pub target: String,
    /// [`Grant::hash`](crate::policy::Grant::hash).
    pub statement: String,
    /// Which of the pair.
    pub kind: Kind,
    /// The URL config that its writer created.
    pub created: Option<Mark>,
}

impl Sid {
    /// How every Sid begins that a cluster has for a target.
    pub fn prefix(cluster: &ClusterId, target_hash: &str) -> String {
        format!("{PREFIX}-{cluster}-{target_hash}-")
    }
}

/// A Sid that isn't of LambdaRoute's form: somebody else's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Sid of LambdaRoute")]
pub struct Foreign;

impl FromStr for Sid {
    type Err = Foreign;

    fn from_str(text: &str) -> Result<Self, Foreign> {
        let parts: Vec<&str> = text.split('-').collect();
        let ([PREFIX, cluster, target, statement, kind] | [PREFIX, cluster, target, statement, kind, _]) =
            parts.as_slice()
        else {
            return Err(Foreign);
        };
        let created = match parts.get(5) {
            None => None,
            Some(part) => Some(parse_mark(part)?),
        };
        let kind = match *kind {
            "url" => Kind::Url,
            "fn" => Kind::Fn,
            _ => return Err(Foreign),
        };
        if !is_hash(target) || !is_hash(statement) {
            return Err(Foreign);
        }
        Ok(Self {
            cluster: cluster.parse().map_err(|InvalidClusterId| Foreign)?,
            target: (*target).to_owned(),
            statement: (*statement).to_owned(),
            kind,
            created,
        })
    }
}

fn parse_mark(part: &str) -> Result<Mark, Foreign> {
    match part.strip_prefix('c') {
        Some(digits)
            if (1..=13).contains(&digits.len())
                && digits.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) =>
        {
            Ok(Mark(digits.to_owned()))
        }
        _ => Err(Foreign),
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == HASH && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, target, statement, kind, created } = self;
        write!(f, "{PREFIX}-{cluster}-{target}-{statement}-{}", kind.as_str())?;
        match created {
            Some(mark) => write!(f, "-c{mark}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
