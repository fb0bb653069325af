//! The controller: makes AWS and the cluster match every LambdaRoute. Never on the request path.

pub mod apply;
pub mod assess;
pub mod aws;
pub mod events;
pub mod index;
pub mod intent;
pub mod kubernetes;
pub mod observation;
pub mod observe;
pub mod plan;
pub mod plan_route;
pub mod policy;
pub mod ports;
pub mod principal;
pub mod programmed;
pub mod programming;
pub mod queue;
pub mod reconcile;
pub mod service;
pub mod sid;
pub mod status;
pub mod step;
pub mod stub;
pub mod target;
pub mod view;
pub mod watch;
