//! The limits of a URL config's CORS settings. Pure. Source: the Lambda service model, `Cors` and its members.

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::refusal;

/// Each list, with the most items and the most characters of an item.
const LISTS: [(&str, usize, usize); 4] =
    [("AllowOrigins", 100, 253), ("AllowMethods", 6, 6), ("AllowHeaders", 100, 1024), ("ExposeHeaders", 100, 1024)];
const MAX_AGE: i64 = 86_400;

/// What AWS refuses of these settings.
pub(super) fn malformed(cors: &Value) -> Option<Response<Bytes>> {
    for (list, items, characters) in LISTS {
        let Some(given) = cors[list].as_array() else { continue };
        let member = format!("cors.{}{}", list[..1].to_ascii_lowercase(), &list[1..]);
        let told = Value::from(given.clone()).to_string();
        if given.len() > items {
            let rule = format!("Member must have length less than or equal to {items}");
            return Some(refusal::limit(&told, &member, &rule));
        }
        if given.iter().any(|item| !(1..=characters).contains(&item.as_str().unwrap_or_default().len())) {
            let rule = format!(
                "Member must satisfy constraint: [Member must have length less than or equal to {characters}, Member \
                 must have length greater than or equal to 1]"
            );
            return Some(refusal::limit(&told, &member, &rule));
        }
    }
    let age = cors["MaxAge"].as_i64()?;
    let bound = if age > MAX_AGE {
        format!("Member must have value less than or equal to {MAX_AGE}")
    } else if age < 0 {
        "Member must have value greater than or equal to 0".to_owned()
    } else {
        return None;
    };
    Some(refusal::limit(&age.to_string(), "cors.maxAge", &bound))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::malformed;

    #[test]
    fn what_the_service_model_does_not_allow_is_refused_and_its_limits_are_let_through() {
        let fits = json!({"AllowMethods": ["GET", "PUT", "POST", "HEAD", "PATCH", "DELETE"], "MaxAge": 86_400});
        assert!(malformed(&fits).is_none());
        assert!(malformed(&json!(null)).is_none());
        for refused in [
            json!({"AllowMethods": ["OPTIONS"]}),
            json!({"AllowMethods": ["A", "B", "C", "D", "E", "F", "G"]}),
            json!({"AllowOrigins": ["x".repeat(254)]}),
            json!({"AllowHeaders": vec!["x"; 101]}),
            json!({"ExposeHeaders": [""]}),
            json!({"MaxAge": 86_401}),
            json!({"MaxAge": -1}),
        ] {
            let answer = malformed(&refused).unwrap_or_else(|| panic!("{refused} passes"));
            assert_eq!(answer.headers()["x-amzn-errortype"], "ValidationException");
        }
    }
}
