//! Whether callers may be sent here: named conditions, and what is missing. Pure.

/// What readiness is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    /// A snapshot was complete, or a table was loaded from the state directory.
    pub(crate) table: bool,
    /// There have been credentials. Later failures don't count: callers then see the reason in a 503.
    pub(crate) credentials: bool,
    /// The process means to end.
    pub(crate) leaving: bool,
}

impl Conditions {
    /// One line for each condition that isn't met. Empty: ready.
    pub(crate) fn missing(self) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if !self.table {
            missing.push("table: no route table yet, neither from a controller nor from the state directory");
        }
        if !self.credentials {
            missing.push("credentials: no AWS credentials yet, see the log");
        }
        if self.leaving {
            missing.push("leaving: the process is stopping");
        }
        missing
    }
}

#[cfg(test)]
mod tests;
