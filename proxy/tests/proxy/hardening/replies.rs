//! What came back over HTTP/1.1, told in a few words.

/// All answers of a connection, in order, and how it ended.
pub(crate) fn told(bytes: &[u8]) -> String {
    let mut told = Vec::new();
    let (mut rest, mut closes) = (bytes, false);
    while let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&rest[..end]).to_ascii_lowercase();
        let header = |name: &str| {
            let mut lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
            lines.find(|(of, _)| *of == name).map(|(_, value)| value.to_owned())
        };
        let status = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let body = &rest[end + 4..];
        let (body, after) = if header("transfer-encoding").is_some() {
            dechunked(body)
        } else {
            let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let (body, after) = body.split_at(body.len().min(length));
            (body.to_vec(), after)
        };
        closes = header("connection").is_some_and(|value| value == "close");
        told.push(match serde_json::from_slice::<serde_json::Value>(&body) {
            Ok(echo) if echo["target"].is_string() => format!("{status} ({})", function(&echo)),
            Ok(problem) => format!("{status} `{}`", cause(&problem)),
            Err(_) => status,
        });
        rest = after;
    }
    if told.is_empty() {
        return "nothing, closed".to_owned();
    }
    if closes {
        told.push("closed".to_owned());
    }
    told.join(", ")
}

/// The body of chunks, as far as it has come, and what is after it.
fn dechunked(mut rest: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let data = &rest[end + 2..];
        let (data, after) = data.split_at(data.len().min(size.unwrap_or(0)));
        body.extend_from_slice(data);
        rest = &after[after.len().min(2)..];
        if data.is_empty() {
            break;
        }
    }
    (body, rest)
}

/// What the function got.
pub(crate) fn function(echo: &serde_json::Value) -> String {
    let (method, target) = (echo["method"].as_str().unwrap_or_default(), echo["target"].as_str().unwrap_or_default());
    match echo["length"].as_u64() {
        Some(0) | None => format!("function: `{method} {target}`"),
        Some(length) => format!("function: `{method} {target}`, {length} bytes"),
    }
}

/// A problem's.
pub(crate) fn cause(problem: &serde_json::Value) -> &str {
    problem["type"].as_str().and_then(|kind| kind.rsplit('/').next()).unwrap_or_default()
}
