//! Facts and their table. Pure.

use std::fmt::Write;

/// What came of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As the product takes it to be.
    AsExpected,
    /// Other: the product, its references or its gate must change.
    Other,
    /// Nothing was expected: it is told.
    Told,
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What was tried.
    pub what: &'static str,
    /// What the product takes for granted; empty where nobody knew.
    pub expected: &'static str,
    /// What AWS did.
    pub observed: String,
    /// The judgement.
    pub verdict: Verdict,
}

impl Fact {
    /// A fact that something depends on.
    pub(super) fn judged(
        what: &'static str,
        expected: &'static str,
        observed: impl Into<String>,
        as_expected: bool,
    ) -> Self {
        let verdict = if as_expected { Verdict::AsExpected } else { Verdict::Other };
        Self { what, expected, observed: observed.into(), verdict }
    }

    /// One that is only told.
    pub(super) fn told(what: &'static str, observed: impl Into<String>) -> Self {
        Self { what, expected: "", observed: observed.into(), verdict: Verdict::Told }
    }
}

/// The table, for a terminal and for Markdown alike.
pub fn table(facts: &[Fact]) -> String {
    let mut text = "| fact | expected | observed | |\n|---|---|---|---|\n".to_owned();
    for Fact { what, expected, observed, verdict } in facts {
        let verdict = match verdict {
            Verdict::AsExpected => "as expected",
            Verdict::Other => "**other**",
            Verdict::Told => "",
        };
        let _ =
            writeln!(text, "| {what} | {expected} | {} | {verdict} |", observed.replace('|', "\\|").replace('\n', " "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surprise_stands_out_and_an_answer_breaks_no_row() {
        let facts = [Fact::judged("a", "200", "403 | no\nway", false), Fact::told("b", "7 s")];
        let text = table(&facts);
        assert!(text.contains("| a | 200 | 403 \\| no way | **other** |\n"), "{text}");
        assert!(text.ends_with("| b |  | 7 s |  |\n"), "{text}");
    }
}
