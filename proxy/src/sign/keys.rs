//! The signing keys of one day and one set of credentials, one for each Region. Another day or other credentials, and all of
//! them go: a key that was rotated away is kept no longer than until the next request.

use std::time::SystemTime;

use http::HeaderValue;

use super::SignError;
use crate::aws::{Generation, SigningCredentials, SigningKey};

/// The service that function URLs are signed for.
const SERVICE: &str = "lambda";
/// More Regions than AWS has. A table that names more makes keys be derived again and again, never memory grow.
const MOST_REGIONS: usize = 64;

/// What signs for one Region.
pub(super) struct RegionKey {
    region: Box<str>,
    pub(super) key: SigningKey,
    /// `20261121/eu-west-1/lambda/aws4_request`
    pub(super) scope: String,
    /// `x-amz-security-token`. A copy of this thread's own: all cores counting references to one value would wait for each
    /// other.
    pub(super) token: Option<HeaderValue>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Keys {
    generation: Option<Generation>,
    date: [u8; 8],
    regions: Vec<RegionKey>,
}

impl Keys {
    /// The key for a Region at a time that is also given as `20261121T093000Z`.
    pub(super) fn get(
        &mut self,
        credentials: &SigningCredentials,
        region: &str,
        time: SystemTime,
        date_time: &HeaderValue,
    ) -> Result<&RegionKey, SignError> {
        let date: [u8; 8] =
            date_time.as_bytes().get(..8).and_then(|date| date.try_into().ok()).ok_or(SignError::Internal)?;
        if self.generation != Some(credentials.generation) || self.date != date {
            self.regions.clear();
            self.generation = Some(credentials.generation);
            self.date = date;
        }
        let known = self.regions.iter().position(|key| &*key.region == region);
        let index = match known {
            Some(index) => index,
            None => {
                if self.regions.len() >= MOST_REGIONS {
                    self.regions.clear();
                }
                self.regions.push(derive(credentials, region, time, date)?);
                self.regions.len() - 1
            }
        };
        Ok(&self.regions[index])
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.regions.len()
    }
}

fn derive(
    credentials: &SigningCredentials,
    region: &str,
    time: SystemTime,
    date: [u8; 8],
) -> Result<RegionKey, SignError> {
    let date = std::str::from_utf8(&date).map_err(|_| SignError::Internal)?;
    let token = credentials.session_token.as_ref().map(|token| {
        HeaderValue::from_bytes(token.as_bytes()).map(|mut token| {
            token.set_sensitive(true);
            token
        })
    });
    Ok(RegionKey {
        region: region.into(),
        key: SigningKey::derive(credentials, time, region, SERVICE),
        scope: format!("{date}/{region}/{SERVICE}/aws4_request"),
        token: token.transpose().map_err(|_| SignError::Internal)?,
    })
}
