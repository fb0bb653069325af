//! The controller: makes AWS and the cluster match every LambdaRoute. Never on the request path.

pub mod aws;
pub mod observation;
pub mod observe;
pub mod plan;
pub mod policy;
pub mod principal;
pub mod programming;
pub mod sid;
pub mod step;
pub mod target;
