//! Which calls a rule or a count is about.

use std::fmt;
use std::sync::Arc;

use http::Method;

use super::call::Seen;
use super::operation::Operation;

type Test = Arc<dyn Fn(&Seen) -> bool + Send + Sync>;

/// A conjunction of tests over a request. Gates are shared by tests that run side by side: name the function, the
/// namespace or the path of your own.
#[derive(Clone, Default)]
pub struct Match {
    tests: Vec<Test>,
    says: Vec<String>,
}

impl Match {
    /// Every call.
    pub fn any() -> Self {
        Self::default()
    }

    /// An operation of AWS.
    pub fn operation(operation: Operation) -> Self {
        Self::any().when(format!("{operation:?}"), move |seen| seen.operation == operation)
    }

    /// Every write to what the controller keeps in AWS.
    pub fn aws_writes() -> Self {
        Self::any().when("a write", |seen| seen.operation.is_write())
    }

    /// A call of the function URL with this host (`<id>.lambda-url.<region>.on.aws`) or URL.
    pub fn function_url(url: &str) -> Self {
        let host = url.trim_start_matches("https://").trim_end_matches('/').to_owned();
        Self::operation(Operation::CallFunctionUrl).when(format!("of {host}"), move |seen| seen.host() == host)
    }

    /// A method and a whole path.
    pub fn path(method: Method, path: &str) -> Self {
        let path = path.to_owned();
        Self::any().method(method).when(format!("path {path}"), move |seen| seen.path == path)
    }

    /// … of this method.
    pub fn method(self, method: Method) -> Self {
        self.when(method.to_string(), move |seen| seen.method == method)
    }

    /// … about this function.
    pub fn function(self, name: &str) -> Self {
        let name = name.to_owned();
        self.when(format!("function {name}"), move |seen| {
            seen.target.as_ref().is_some_and(|target| target.function == name)
        })
    }

    /// … with this alias.
    pub fn qualifier(self, alias: &str) -> Self {
        let alias = alias.to_owned();
        self.when(format!("qualifier {alias}"), move |seen| {
            seen.target.as_ref().is_some_and(|target| target.qualifier.as_ref() == Some(&alias))
        })
    }

    /// … whose path holds this text.
    pub fn path_contains(self, text: &str) -> Self {
        let text = text.to_owned();
        self.when(format!("path with {text}"), move |seen| seen.path.contains(&text))
    }

    /// … with this query parameter.
    pub fn parameter(self, name: &str, value: &str) -> Self {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.when(format!("{name}={value}"), move |seen| seen.parameter(&name).as_ref() == Some(&value))
    }

    /// … and anything else. `says` describes it in a failed test's message.
    pub fn when(mut self, says: impl Into<String>, test: impl Fn(&Seen) -> bool + Send + Sync + 'static) -> Self {
        self.tests.push(Arc::new(test));
        self.says.push(says.into());
        self
    }

    /// Whether it is about this request.
    pub fn matches(&self, seen: &Seen) -> bool {
        self.tests.iter().all(|test| test(seen))
    }
}

impl fmt::Debug for Match {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "calls: {}", if self.says.is_empty() { "any".to_owned() } else { self.says.join(", ") })
    }
}
