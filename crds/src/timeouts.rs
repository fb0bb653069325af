//! How long a request may take.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::time_span;

/// How long parts of a request may take.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("has(self.firstByte) || has(self.streamIdle)", "spec.timeouts is empty: give firstByte or streamIdle, or remove it")
)]
pub struct Timeouts {
    /// Until the answer's first byte, a duration from 100ms to 15m5s; after it the answer is 504 `upstream_timeout`, while the
    /// function may run on. Absent: 15m5s, Lambda's longest run and a margin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = time_span::MAX_LENGTH))]
    #[x_kube(validation = time_span::rule("spec.timeouts.firstByte", "100ms", "15m5s"))]
    pub first_byte: Option<String>,

    /// Between pieces of the answer's body, a duration from 100ms to 15m5s; after it the connection is broken off. Absent: no
    /// limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = time_span::MAX_LENGTH))]
    #[x_kube(validation = time_span::rule("spec.timeouts.streamIdle", "100ms", "15m5s"))]
    pub stream_idle: Option<String>,
}
