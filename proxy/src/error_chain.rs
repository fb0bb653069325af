//! An error with what caused it, in one line for the log: the top level of the SDK, hyper and tonic alone says nothing.
//! Never for callers.

/// The error and its sources, outermost first; what has been said already is not said again.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
