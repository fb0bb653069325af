//! The end-to-end suite: what crosses a process, on real parts.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at the first thing that isn't as it must be"
)]

mod access;
mod access_policies;
mod auth;
mod aws;
mod bench;
mod callers;
mod chart;
mod clocks;
mod clusters;
mod columns;
mod contests;
mod controller;
mod cost;
mod deletion;
mod demo;
mod emulator;
mod environment;
mod events;
mod faults;
mod function_url_cors;
mod gaps;
mod gate;
mod gitops;
mod grants;
mod helm;
mod iam;
mod keys;
mod kills;
mod leaders;
mod limits;
mod limits_of_aws;
mod live;
mod looks;
mod management;
mod manifests;
mod origin;
mod permissions;
mod ports;
mod proxies;
mod reasons;
mod references;
mod remade;
mod restarts;
mod restored;
mod routes;
mod services;
mod signatures;
mod slow_issuers;
mod sources;
mod table;
mod uninstall;
