//! Names of headers in a manifest. One denylist for every field that names one: what the proxy, AWS or HTTP itself sets is
//! nobody else's. The proxy's own list is the same; a test of the controller holds the two together.

use kube::core::Rule;

/// Matches a field name of HTTP in lower case (RFC 9110, section 5.1).
const NAME: &str = "^[!#$%&*+.^`|~0-9a-z_'-]+$";

/// Matches a name that no manifest may use, in lower case and with `-` for `_` (some servers read both as one): headers of one
/// hop and of framing (RFC 9110, section 7.6.1; RFC 9112), those that AWS signs or sets, and those that the proxy sets.
const RESERVED: &str = "^(host|authorization|content-length|expect|forwarded|connection|keep-alive|te|trailer|transfer-encoding|\
                        upgrade|http2-settings|proxy-connection|proxy-authenticate|proxy-authorization|traceparent|\
                        tracestate|x-amz-.*|x-amzn-.*|x-lambdaroute-.*|x-forwarded-.*)$";

/// The one `x-forwarded-` that says nothing about a request's way.
const FREE: &str = "x-forwarded-authorization";

/// `value`, an expression of CEL, is the name of a header, whichever. A string of CEL in double quotes: the class of
/// characters has a quotation mark.
pub(crate) fn token(value: &str) -> String {
    format!(r#"{value}.lowerAscii().matches("{NAME}")"#)
}

/// `value`, an expression of CEL, is a name that a manifest may use.
pub(crate) fn allowed(value: &str) -> String {
    let name = plain(value);
    format!("{} && ({name} == '{FREE}' || !{name}.matches('{RESERVED}'))", token(value))
}

/// A name as it is compared with others: in lower case, and with `-` for `_`, since some servers read both as one.
fn plain(value: &str) -> String {
    format!("{value}.lowerAscii().replace('_', '-')")
}

/// `a` and `b`, expressions of CEL, name one header.
pub(crate) fn same(a: &str, b: &str) -> String {
    format!("{} == {}", plain(a), plain(b))
}

/// A list, in whose items no two `name`s are one header.
pub(crate) fn once(field: &str, name: &str) -> Rule {
    let rule = format!("self.all(a, self.exists_one(b, {}))", same(&format!("a{name}"), &format!("b{name}")));
    let message =
        format!("{field} names a header twice (names of headers have no case, and _ is read as -): remove one");
    Rule::new(rule).message(message.as_str())
}

/// A field that is such a name.
pub(crate) fn rule(field: &str) -> Rule {
    Rule::new(allowed("self")).message(message(field).as_str())
}

/// A field that is a list of such names.
pub(crate) fn list_rule(field: &str) -> Rule {
    Rule::new(format!("self.all(name, {})", allowed("name"))).message(message(field).as_str())
}

/// What is said of a name that isn't allowed.
pub(crate) fn message(field: &str) -> String {
    format!(
        "{field} must be the name of a header that isn't reserved (host, authorization, connection and other headers of one \
         hop, content-length, traceparent, x-amz-*, x-amzn-*, x-forwarded-*, x-lambdaroute-*): choose another one"
    )
}
