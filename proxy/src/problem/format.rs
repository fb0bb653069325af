//! A problem as text, in the form that the caller reads best (RFC 9110 section 12.5.1). Pure.

use std::fmt::Write;

use http::HeaderMap;
use http::header::ACCEPT;
use lambdaroute_proxy_config::cause::Cause;

/// The form of a problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// `application/problem+json`, for programs and for `curl`.
    #[default]
    Problem,
    /// `text/html`, for who asks for it: a browser.
    Page,
}

impl Format {
    /// What a request with these headers reads best. One that accepts neither gets the problem: any answer is better than
    /// none.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let (mut page, mut problem) = (Quality::default(), Quality::default());
        for line in headers.get_all(ACCEPT) {
            for range in line.as_bytes().split(|b| *b == b',') {
                let (media_type, quality) = media_range(range);
                page.consider(&["text/html", "text/*", "*/*"], media_type, quality);
                problem.consider(
                    &["application/problem+json", "application/json", "application/*", "*/*"],
                    media_type,
                    quality,
                );
            }
        }
        if page.thousandths() > problem.thousandths() { Format::Page } else { Format::Problem }
    }

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Format::Problem => "application/problem+json",
            Format::Page => "text/html; charset=utf-8",
        }
    }
}

/// The quality that the most specific range gives.
#[derive(Default)]
struct Quality(Option<(usize, u16)>);

impl Quality {
    /// `ranges`: the most specific one first.
    fn consider(&mut self, ranges: &[&str], media_type: &[u8], quality: u16) {
        let place = ranges.iter().position(|range| media_type.eq_ignore_ascii_case(range.as_bytes()));
        if let Some(place) = place
            && self.0.is_none_or(|(best, _)| place < best)
        {
            self.0 = Some((place, quality));
        }
    }

    fn thousandths(&self) -> u16 {
        self.0.map_or(0, |(_, quality)| quality)
    }
}

/// A media range without its parameters, and its quality in thousandths.
fn media_range(range: &[u8]) -> (&[u8], u16) {
    let mut parts = range.split(|b| *b == b';').map(<[u8]>::trim_ascii);
    let media_type = parts.next().unwrap_or_default();
    let quality = parts.find_map(|parameter| {
        let value = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="))?;
        std::str::from_utf8(value).ok()?.parse::<f32>().ok()
    });
    // Out of range or not a number: `as` makes it the nearest, or 0.
    (media_type, (quality.unwrap_or(1.0).min(1.0) * 1000.0) as u16)
}

fn type_uri(cause: Cause) -> String {
    format!("https://lambdaroute.dev/problems/{}", cause.as_str())
}

/// Readable as it is: indented, with a newline at its end.
pub(super) fn problem(cause: Cause, detail: &str) -> String {
    let problem = serde_json::json!({
        "type": type_uri(cause),
        "title": cause.title(),
        "status": cause.status(),
        "detail": detail,
    });
    format!("{problem:#}\n")
}

pub(super) fn page(cause: Cause, detail: &str) -> String {
    let (status, title, detail) = (cause.status(), escaped(cause.title()), escaped(detail));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{status} {title}</title></head>\n\
         <body>\n<h1>{status} {title}</h1>\n<p>{detail}</p>\n<p>{}</p>\n<p><code>{}</code></p>\n</body>\n</html>\n",
        escaped(cause.caller()),
        type_uri(cause),
    )
}

/// Text that HTML takes for nothing else.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '"' | '\'' => {
                // Writing to a string doesn't fail.
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
