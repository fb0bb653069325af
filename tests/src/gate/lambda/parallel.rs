//! AWS has lost statements that were added in parallel: both calls succeed, one statement isn't there. On demand it happens
//! here whenever two AddPermission of one function overlap. Source: Terraform's permission resource, which holds a lock.

use std::sync::PoisonError;
use std::time::Duration;

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::LambdaRules;

/// How long a write takes at such a function, so that those in parallel do meet.
const LASTS: Duration = Duration::from_millis(150);

/// A function whose parallel writes lose a statement.
#[derive(Debug, Default)]
pub(super) struct Losing {
    under_way: usize,
    lost: usize,
}

impl LambdaRules {
    /// From now on, of AddPermissions of this function that overlap, only the first is kept; all are answered as done.
    pub fn lose_parallel_statements(&self, function: &str) {
        self.losing.lock().unwrap_or_else(PoisonError::into_inner).insert(function.to_owned(), Losing::default());
    }

    /// How many statements of a function were lost so.
    pub fn lost_statements(&self, function: &str) -> usize {
        self.losing.lock().unwrap_or_else(PoisonError::into_inner).get(function).map_or(0, |losing| losing.lost)
    }

    /// Takes the time of a write. Whether another one was under way when it began.
    pub(super) async fn overlap(&self, function: &str) -> bool {
        let other = {
            let mut losing = self.losing.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(losing) = losing.get_mut(function) else { return false };
            losing.under_way += 1;
            losing.under_way > 1
        };
        tokio::time::sleep(LASTS).await;
        if let Some(losing) = self.losing.lock().unwrap_or_else(PoisonError::into_inner).get_mut(function) {
            losing.under_way = losing.under_way.saturating_sub(1);
        }
        other
    }

    /// Takes a statement away that was just added, as if it had never been.
    pub(super) async fn lose(&self, function: &str, sid: &str) -> anyhow::Result<()> {
        let sid = utf8_percent_encode(sid, NON_ALPHANUMERIC);
        self.admin
            .lambda(Method::DELETE, &format!("/2015-03-31/functions/{function}/policy/{sid}"), &Value::Null)
            .await?;
        if let Some(losing) = self.losing.lock().unwrap_or_else(PoisonError::into_inner).get_mut(function) {
            losing.lost += 1;
        }
        Ok(())
    }
}
