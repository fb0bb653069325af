//! What it means for a route that the API server refuses its Service: a quota, an admission webhook, a value that this cluster
//! doesn't take. Pure.

use lambdaroute_crds::LambdaRoute;
use lambdaroute_crds::condition::{ConditionType, Reason};

use super::find;
use crate::assess::Refused;
use crate::service;

/// The refusal as a reason of `Accepted`, with the API server's own words. Words that differ from those in status in numbers
/// and ids alone stay as they are there: else each retry would write a status.
pub fn service_refused(route: &LambdaRoute, code: u16, words: &str) -> Refused {
    let reason = match code {
        403 => Reason::NotPermitted,
        _ => Reason::UnsupportedValue,
    };
    let words = words.trim().trim_end_matches('.');
    let message =
        format!("the API server refuses the Service {}: {words}. It is tried again by itself", service::name(route));
    let told = find(route, ConditionType::Accepted)
        .filter(|told| told.reason == reason.as_str() && gist(&told.message) == gist(&message));
    Refused { reason, message: told.map_or(message, |told| told.message.clone()) }
}

/// The words without a digit.
fn gist(message: &str) -> Vec<&str> {
    message.split_whitespace().filter(|word| !word.contains(|c: char| c.is_ascii_digit())).collect()
}
