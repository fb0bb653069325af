//! What the controller calls in AWS, counted at the gate, and the least that it can.

use std::collections::BTreeMap;

use super::Stack;
use crate::functions::Function;
use crate::gate::{Match, Operation};

/// Calls by operation, without those that are 0.
pub type Calls = Vec<(Operation, usize)>;

/// What a controller could call, in the order of its use.
const OPERATIONS: [Operation; 10] = [
    Operation::GetFunctionUrlConfig,
    Operation::GetPolicy,
    Operation::GetFunction,
    Operation::CreateFunctionUrlConfig,
    Operation::AddPermission,
    Operation::UpdateFunctionUrlConfig,
    Operation::DeleteFunctionUrlConfig,
    Operation::RemovePermission,
    Operation::GetFunctionConfiguration,
    Operation::ListFunctionUrlConfigs,
];

/// The resource of a path of the API server, with its subresource: `lambdaroutes/status`.
fn resource(path: &str) -> String {
    let mut parts = path.split('/').skip_while(|part| !part.starts_with('v')).skip(1).peekable();
    if parts.next_if_eq(&"namespaces").is_some() {
        parts.next();
    }
    let resource = parts.next().unwrap_or_default();
    match parts.nth(1) {
        Some(subresource) => format!("{resource}/{subresource}"),
        None => resource.to_owned(),
    }
}

/// What bringing up so many new targets costs at least, whatever the number of routes: one read of each kind, one create and
/// two statements each.
pub fn floor(targets: usize) -> Calls {
    vec![
        (Operation::GetFunctionUrlConfig, targets),
        (Operation::GetPolicy, targets),
        (Operation::GetFunction, targets),
        (Operation::CreateFunctionUrlConfig, targets),
        (Operation::AddPermission, 2 * targets),
    ]
}

impl Stack {
    /// What the controllers asked the API server for, by method and resource; watches are one request each.
    pub fn controller_requests(&self) -> BTreeMap<String, usize> {
        let mut requests = BTreeMap::new();
        for call in self.api.calls() {
            let resource = resource(&call.seen.path);
            *requests.entry(format!("{} {resource}", call.seen.method)).or_default() += 1;
        }
        requests
    }

    /// What the controllers called, about one function or all; what the test itself asks isn't counted.
    pub fn controller_calls(&self, function: Option<&Function>) -> Calls {
        let administrator = self.principals().admin.credentials.access_key_id.clone();
        let seen = self.aws.calls_of(&Match::any().when("of the controllers", move |seen| {
            !seen.header("authorization").unwrap_or_default().contains(&administrator)
        }));
        let about = |operation: Operation| {
            seen.iter()
                .filter(|call| call.seen.operation == operation)
                .filter(|call| {
                    function.is_none_or(|function| {
                        call.seen.target.as_ref().is_some_and(|target| target.function == function.name())
                    })
                })
                .count()
        };
        OPERATIONS.into_iter().map(|operation| (operation, about(operation))).filter(|(_, count)| *count > 0).collect()
    }
}
