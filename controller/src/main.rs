//! The controller: makes AWS and the cluster match every LambdaRoute. Never on the request path.

#[allow(dead_code)]
mod programming;

fn main() {}
