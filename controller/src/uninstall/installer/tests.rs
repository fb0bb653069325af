//! Which mark is whose.

use kube::api::ObjectMeta;

use super::*;

#[test]
fn a_mark_is_an_annotation_with_the_value_if_one_is_wanted() {
    let annotations = [("meta.helm.sh/release-name", "lambdaroute"), ("empty", "")];
    let annotations = annotations.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let metadata = ObjectMeta { annotations: Some(annotations.into()), ..ObjectMeta::default() };
    let deployment = Deployment { metadata, ..Deployment::default() };
    for (wanted, is) in [
        ("meta.helm.sh/release-name=lambdaroute", true),
        ("meta.helm.sh/release-name", true),
        ("meta.helm.sh/release-name=other", false),
        ("meta.helm.sh/release-name=", false),
        ("argocd.argoproj.io/tracking-id", false),
        ("empty", true),
        ("empty=", true),
    ] {
        assert_eq!(is_marked(&deployment, wanted), is, "{wanted}");
    }
    assert!(!is_marked(&Deployment::default(), "meta.helm.sh/release-name"));
}
