//! The token of `Authorization: Bearer` (RFC 6750 section 2.1), looked at as far as somebody asks. Pure.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::token::{LONGEST, Token, Unverified};
use crate::sha256::{Digest, sha256};

/// What a request gave.
#[derive(Debug)]
pub(crate) struct Bearer<'a> {
    text: Option<&'a [u8]>,
    given: bool,
    digest: Option<Digest>,
    parsed: Option<Option<(Token<'a>, Unverified)>>,
}

impl<'a> Bearer<'a> {
    /// The token of the one Authorization of these headers. Two of them are none: nobody could say which was meant.
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        let mut lines = headers.get_all(AUTHORIZATION).iter();
        let line = lines.next().filter(|_| lines.next().is_none());
        let text = line.and_then(|line| credentials(line.as_bytes()));
        let given = text.is_some();
        Bearer { text: text.filter(|text| text.len() <= LONGEST), given, digest: None, parsed: None }
    }

    /// Whether there was a token, of whatever use.
    pub(crate) fn was_given(&self) -> bool {
        self.given
    }

    /// Whether there is a token to look at.
    pub(crate) fn is_there(&self) -> bool {
        self.text.is_some()
    }

    /// The SHA-256 of the whole token.
    pub(crate) fn digest(&mut self) -> Option<Digest> {
        let text = self.text?;
        Some(*self.digest.get_or_insert_with(|| sha256(text)))
    }

    /// The token taken apart, and who it says has issued it.
    pub(crate) fn token(&mut self) -> Option<&(Token<'a>, Unverified)> {
        let text = self.text?;
        let parse = || {
            let token = Token::parse(text)?;
            let unverified = token.unverified()?;
            Some((token, unverified))
        };
        self.parsed.get_or_insert_with(parse).as_ref()
    }
}

/// What stands after `Bearer` and spaces.
fn credentials(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(6)?;
    let token = rest.strip_prefix(b" ")?.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer") && !token.is_empty()).then_some(token)
}
