//! A pattern of functions' ARNs. Pure. `*` stands for anything within a part, never for a colon: a pattern for one account or
//! Region can't reach another.

use crate::target::FunctionTarget;

/// What a policy names as a function without an alias.
const LATEST: &str = "$LATEST";

/// A pattern, in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionPattern {
    partition: String,
    region: String,
    account_id: String,
    function_name: String,
    /// None: whatever the alias, and without one.
    qualifier: Option<String>,
}

impl FunctionPattern {
    /// `arn:aws:lambda:eu-west-1:111122223333:function:shop-*`, with or without `:ALIAS`. None: no such pattern.
    pub fn parse(text: &str) -> Option<Self> {
        let target = FunctionTarget::parse_arn(text)?;
        let FunctionTarget { partition, region, account_id, function_name, qualifier } = target;
        Some(Self { partition, region, account_id, function_name, qualifier })
    }

    /// Whether it names a target.
    pub fn matches(&self, target: &FunctionTarget) -> bool {
        let qualifier = match (self.qualifier.as_deref(), target.qualifier.as_deref()) {
            (None, _) => true,
            (Some(LATEST), None) => true,
            // An alias can't be called so.
            (Some(_), None) => false,
            (Some(pattern), Some(alias)) => matches(pattern, alias),
        };
        qualifier
            && matches(&self.partition, &target.partition)
            && matches(&self.region, &target.region)
            && matches(&self.account_id, &target.account_id)
            && matches(&self.function_name, &target.function_name)
    }
}

/// Whether `pattern`, in which `*` stands for any characters or none, is `text`. What stands before the first `*` begins it,
/// what stands behind the last ends it, and what stands between is found from left to right: no backtracking.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        match text.split_once(part) {
            Some((_, behind)) => text = behind,
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests;
