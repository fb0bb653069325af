//! What is wrong with what a route needs.

use std::collections::BTreeSet;

use super::State;
use crate::sources::jwks;
use crate::sources::needs::Need;
use crate::sources::problem::Problem;
use crate::sources::secret::Known;

/// It isn't looked at yet.
struct Pending;

impl State {
    /// What of these needs can't be used as it is. None: something isn't looked at yet, and nothing is known to be wrong.
    pub fn problems(&self, needs: &BTreeSet<Need>) -> Option<Vec<Problem>> {
        let mut problems = Vec::new();
        let mut pending = false;
        for need in needs {
            match self.problem(need) {
                Ok(problem) => problems.extend(problem.filter(|problem| !problems.contains(problem))),
                Err(Pending) => pending = true,
            }
        }
        (!pending || !problems.is_empty()).then_some(problems)
    }

    fn problem(&self, need: &Need) -> Result<Option<Problem>, Pending> {
        match need {
            Need::ApiKeys(secret) | Need::Value(secret, _) => match self.secrets.get(secret) {
                None | Some(Known::Unknown) => Err(Pending),
                Some(Known::NotPermitted) => Ok(Some(Problem::NotPermitted(secret.clone()))),
                Some(Known::Missing) => Ok(Some(Problem::Missing(secret.clone()))),
                Some(Known::Present(content)) => match need {
                    Need::Value(_, key) => match content.values.get(key) {
                        None => Err(Pending),
                        Some(Ok(_)) => Ok(None),
                        Some(Err(why)) => Ok(Some(Problem::Value(secret.clone(), key.clone(), *why))),
                    },
                    Need::ApiKeys(_) | Need::Keys(_) => {
                        let refused = &content.api_keys.as_ref().ok_or(Pending)?.refused;
                        Ok((!refused.is_empty()).then(|| Problem::Refused(secret.clone(), refused.clone())))
                    }
                },
            },
            Need::Keys(issuer) => {
                let keys = self.issuers.get(issuer).ok_or(Pending)?;
                match (&keys.public, keys.failure) {
                    (Some(public), _) if jwks::count(public) == 0 => Ok(Some(Problem::NoUsableKeys(issuer.clone()))),
                    (Some(_), _) => Ok(None),
                    (None, Some(error)) => Ok(Some(Problem::NoKeys(issuer.clone(), error))),
                    (None, None) => Err(Pending),
                }
            }
        }
    }
}
