//! What callers send. Pure.

use crate::upstream::API_KEY;

/// One column of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Workload {
    /// A small GET, as many as come back.
    Get,
    /// A POST of 1 KiB.
    #[value(name = "post-1k")]
    Post1K,
    /// A POST of 100 KiB.
    #[value(name = "post-100k")]
    Post100K,
    /// A POST of 5 MiB: near the most that a function takes.
    #[value(name = "post-5m")]
    Post5M,
    /// The small GET, at a fixed rate: for latency.
    Paced,
}

/// Requests per second of [`Workload::Paced`].
pub(crate) const RATE: u32 = 4_000;

impl Workload {
    pub(crate) const ALL: [Self; 5] = [Self::Get, Self::Post1K, Self::Post100K, Self::Post5M, Self::Paced];

    /// For the report.
    pub(crate) fn title(self) -> String {
        let connections = self.connections();
        match self {
            Self::Get => format!("small GET, {connections} connections"),
            Self::Post1K => format!("POST 1 KiB, {connections} connections"),
            Self::Post100K => format!("POST 100 KiB, {connections} connections"),
            Self::Post5M => format!("POST 5 MiB, {connections} connections"),
            Self::Paced => format!("small GET, {RATE} req/s over {connections} connections"),
        }
    }

    /// Connections, each with one request at a time.
    pub(crate) fn connections(self) -> usize {
        match self {
            Self::Get | Self::Post1K | Self::Paced => 32,
            Self::Post100K => 16,
            Self::Post5M => 4,
        }
    }

    /// Requests a second, if not as many as come back.
    pub(crate) fn rate(self) -> Option<u32> {
        (self == Self::Paced).then_some(RATE)
    }

    /// Bytes of the body.
    pub(crate) fn body(self) -> usize {
        match self {
            Self::Get | Self::Paced => 0,
            Self::Post1K => 1024,
            Self::Post100K => 100 * 1024,
            Self::Post5M => 5 * 1024 * 1024,
        }
    }

    /// The whole request. Without a body it has eight headers.
    pub(crate) fn request(self) -> Vec<u8> {
        let (method, length) = match self.body() {
            0 => ("GET", String::new()),
            body => ("POST", format!("Content-Type: application/json\r\nContent-Length: {body}\r\n")),
        };
        let mut request = format!(
            "{method} /orders/42?expand=items&page=1 HTTP/1.1\r\n\
             Host: orders.shop\r\n\
             User-Agent: benchmark/1.0\r\n\
             Accept: application/json\r\n\
             Accept-Encoding: gzip, br\r\n\
             Accept-Language: en\r\n\
             X-Api-Key: {API_KEY}\r\n\
             X-Request-Id: 6c1d0f1e-9a53-4be1-8f0a-1f2e3d4c5b6a\r\n\
             Cookie: session=0123456789abcdef; theme=dark\r\n\
             {length}\r\n"
        )
        .into_bytes();
        request.resize(request.len() + self.body(), b'x');
        request
    }
}
