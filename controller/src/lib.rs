//! The controller: makes AWS and the cluster match every LambdaRoute. Never on the request path.

pub mod admin;
pub mod app;
pub mod args;
pub mod assignment;
pub mod certificate;
pub mod crd;
pub mod duration;
pub mod leadership;
pub mod metrics;
pub mod owner;
pub mod pods;
pub mod programming;
pub mod readiness;
pub mod server;
pub mod slices;
pub mod subscription;
pub mod table;
pub mod telemetry;
