//! Who gets which form.

use http::HeaderValue;

use super::*;

fn format(accept: &[&str]) -> Format {
    let mut headers = HeaderMap::new();
    for line in accept {
        headers.append(ACCEPT, HeaderValue::from_str(line).unwrap());
    }
    Format::of(&headers)
}

#[test]
fn browsers_get_a_page_and_everybody_else_a_problem() {
    for page in [
        "text/html",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
        "TEXT/HTML; charset=utf-8",
        "text/*, application/*;q=0.5",
        "application/json;q=0.1, text/html;q=0.2",
        "*/*, application/problem+json;q=0, text/html",
    ] {
        assert_eq!(format(&[page]), Format::Page, "{page}");
    }
    for problem in [
        "*/*",
        "",
        "application/json",
        "application/problem+json, text/html;q=0.9",
        "text/html, application/json",
        "text/html;q=0, */*",
        "image/png",
        "text/html;q=nonsense, application/json;q=1",
        "text/html;q=-1",
    ] {
        assert_eq!(format(&[problem]), Format::Problem, "{problem}");
    }
    assert_eq!(format(&[]), Format::Problem);
    assert_eq!(format(&["application/json;q=0.5", "text/html"]), Format::Page);
}

#[test]
fn a_page_shows_text_as_text() {
    let page = page(Cause::BadRequest, "<script>alert('1')</script> & \"more\"");
    assert!(page.contains("&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62; &#38; &#34;more&#34;"), "{page}");
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("<h1>400 "), "{page}");
}

#[test]
fn a_problem_is_readable_in_a_terminal() {
    let problem = problem(Cause::RateLimited, "come again");
    assert!(problem.starts_with("{\n  ") && problem.ends_with("}\n"), "{problem}");
}
