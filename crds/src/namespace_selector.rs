//! Which namespaces, by their labels: Kubernetes' own LabelSelector, with the bounds and the rules that its own API gives it
//! (apimachinery's `ValidateLabelSelector`).

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which namespaces, by their labels. All that is given must hold.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("(has(self.matchLabels) && self.matchLabels.size() > 0) || (has(self.matchExpressions) && self.matchExpressions.size() > 0)", "spec.namespaceSelector is empty: give labels; all namespaces are matchExpressions: [{key: kubernetes.io/metadata.name, operator: Exists}]"),
    validation = (r"!has(self.matchLabels) || self.matchLabels.all(key, key.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$') && self.matchLabels[key].matches('^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$'))", "spec.namespaceSelector.matchLabels must be labels, such as team: shop"),
)]
pub struct NamespaceSelector {
    /// Labels that the namespace must have, with these values. At most 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "labels")]
    pub match_labels: Option<BTreeMap<String, String>>,

    /// Conditions on labels, which must all hold. At most 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub match_expressions: Option<Vec<LabelCondition>>,
}

/// A condition on one label.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("self.key.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$')", "spec.namespaceSelector.matchExpressions[].key must be a label's key, such as team"),
    validation = ("(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)", "spec.namespaceSelector.matchExpressions[].values goes with the operators In and NotIn, which need at least one value"),
)]
pub struct LabelCondition {
    /// The label's key.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,

    /// In: the label is there, with one of the values. NotIn: it isn't there, or has another value. Exists: it is there.
    /// DoesNotExist: it isn't.
    pub operator: LabelOperator,

    /// With In and NotIn: the values. At most 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), inner(length(max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub values: Option<Vec<String>>,
}

/// In: the label is there, with one of the values. NotIn: it isn't there, or has another value. Exists: it is there.
/// DoesNotExist: it isn't.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum LabelOperator {
    /// There, with one of the values.
    In,
    /// Not there, or with another value.
    NotIn,
    /// There.
    Exists,
    /// Not there.
    DoesNotExist,
}

impl LabelOperator {
    const fn as_str(self) -> &'static str {
        match self {
            LabelOperator::In => "In",
            LabelOperator::NotIn => "NotIn",
            LabelOperator::Exists => "Exists",
            LabelOperator::DoesNotExist => "DoesNotExist",
        }
    }
}

impl From<NamespaceSelector> for LabelSelector {
    fn from(selector: NamespaceSelector) -> Self {
        let requirement = |condition: LabelCondition| LabelSelectorRequirement {
            key: condition.key,
            operator: condition.operator.as_str().to_owned(),
            values: condition.values,
        };
        Self {
            match_labels: selector.match_labels,
            match_expressions: selector
                .match_expressions
                .map(|conditions| conditions.into_iter().map(requirement).collect()),
        }
    }
}

/// A map of labels: a value is at most 63 characters (a key's length is bound by its rule: prefix 253, name 63).
fn labels(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {"type": "string", "maxLength": 63},
    })
}
