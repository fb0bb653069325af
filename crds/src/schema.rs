//! Schemas that can't be derived: Kubernetes' own types with the bounds that its own API gives them.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A list of `metav1.Condition`, a map by type. Bounds as in apimachinery's types.go.
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "description": "One aspect of the LambdaRoute's state.",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": {
                    "type": "string",
                    "description": "The aspect.",
                    "minLength": 1,
                    "maxLength": 64,
                    "pattern": "^[A-Za-z]+$",
                },
                "status": {
                    "type": "string",
                    "description": "True, False or Unknown.",
                    "enum": ["True", "False", "Unknown"],
                },
                "observedGeneration": {
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0,
                    "description": "The generation of the spec that this was judged on.",
                },
                "lastTransitionTime": {
                    "type": "string",
                    "format": "date-time",
                    "maxLength": 64,
                    "description": "When the status last changed.",
                },
                "reason": {
                    "type": "string",
                    "description": "Why, in one word of a closed list.",
                    "minLength": 1,
                    "maxLength": 64,
                    "pattern": "^[A-Za-z]+$",
                },
                "message": {
                    "type": "string",
                    "description": "Why, and what to do.",
                    "maxLength": 32768,
                },
            },
        },
    })
}

/// A time as Kubernetes writes it (RFC 3339).
pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time", "maxLength": 64})
}
