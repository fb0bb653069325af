//! Text of others in headers of ours.

use crate::auth::header_text::{LONGEST, header_list, header_text};

fn text(text: &str) -> String {
    header_text(text).unwrap().to_str().unwrap().to_owned()
}

#[test]
fn what_is_visible_ascii_stays_and_the_rest_is_encoded_once() {
    for (given, expected) in [
        ("web/checkout", "web/checkout"),
        ("CN=a, OU=b", "CN=a, OU=b"),
        ("a%b", "a%25b"),
        (" a ", "%20a%20"),
        (" ", "%20"),
        ("a\tb\0", "a%09b%00"),
        ("é", "%C3%A9"),
        ("", ""),
    ] {
        assert_eq!(text(given), expected);
    }
}

proptest::proptest! {
    #[test]
    fn any_text_comes_back_by_one_decoding(given in "\\PC{0,64}|[\\x00-\\xff]{0,64}") {
        let encoded = text(&given);
        let decoded = percent_encoding::percent_decode_str(&encoded).decode_utf8().unwrap().into_owned();
        proptest::prop_assert_eq!(decoded, given);
    }

    #[test]
    fn a_list_has_as_many_items_as_it_had(items in proptest::collection::vec("[a,% é\r\n]{0,8}", 1..6)) {
        let list = header_list(items.iter().map(String::as_str)).unwrap();
        let back: Vec<String> = list.to_str().unwrap().split(',').map(|item| {
            percent_encoding::percent_decode_str(item).decode_utf8().unwrap().into_owned()
        }).collect();
        proptest::prop_assert_eq!(back, items);
    }
}

#[test]
fn what_is_too_long_is_not_cut_off() {
    assert!(header_text(&"x".repeat(LONGEST)).is_some());
    assert_eq!(header_text(&"x".repeat(LONGEST + 1)), None);
    assert_eq!(header_text(&"é".repeat(LONGEST / 2)), None);
}
