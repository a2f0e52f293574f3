//! Properties of the truncation of a publicError that is too large.

use flowruns_domain::{
    json::{JsonObject, JsonValue},
    run::{PublicError, PublicErrorPatch},
};
use proptest::{collection, option, prelude::*, sample};

/// Long strings of one repeated piece: of each length in UTF-8 and in JSON.
fn texts() -> impl Strategy<Value = String> {
    let piece = sample::select(vec!["x", "é", "…", "\u{1f600}", "\"", "\u{1}", "a\n"]);
    let length = prop_oneof![3 => 0_usize..60, 2 => 1_000_usize..12_000, 1 => 12_000_usize..40_000];
    let mark = option::of(sample::select(vec!["… [cut, 90000 bytes]", "… [cut, 7 bytes]"]));
    (piece, length, mark)
        .prop_map(|(piece, length, mark)| piece.repeat(length) + mark.unwrap_or_default())
}

fn values() -> impl Strategy<Value = JsonValue> {
    let leaf = prop_oneof![
        6 => texts().prop_map(JsonValue::String),
        1 => Just(JsonValue::Null),
        1 => any::<i64>().prop_map(|number| JsonValue::Number(number.into())),
    ];
    leaf.prop_recursive(3, 10, 4, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(JsonValue::Array),
            members(inner).prop_map(JsonValue::Object),
        ]
    })
}

fn members(value: impl Strategy<Value = JsonValue>) -> impl Strategy<Value = JsonObject> {
    let names = sample::select(vec!["a", "b", "c", "stack"]).prop_map(str::to_owned);
    collection::btree_map(names, value, 0..5).prop_map(|members| members.into_iter().collect())
}

fn patches() -> impl Strategy<Value = PublicErrorPatch> {
    members(values()).prop_map(|members| {
        PublicErrorPatch::new(members).unwrap_or_else(|violations| panic!("{violations:?}"))
    })
}

/// The result of one report after the other.
fn merged(patches: &[PublicErrorPatch]) -> Option<PublicError> {
    patches.iter().fold(None, |stored, patch| {
        let merged = patch.merged_into(stored.as_ref());
        merged.unwrap_or_else(|violation| panic!("{violation}"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_stored_is_within_the_limit(patches in collection::vec(patches(), 1..4)) {
        if let Some(error) = merged(&patches) {
            let text = serde_json::to_string(error.members()).unwrap_or_default();
            prop_assert_eq!(text.len(), error.members().compact_length());
            prop_assert!(text.len() <= PublicError::MAX_BYTES, "{}", text.len());
        }
    }

    #[test]
    fn a_report_that_is_sent_again_changes_nothing(patches in collection::vec(patches(), 1..4)) {
        let stored = merged(&patches);
        let last = patches.last().cloned().unwrap_or_default();
        prop_assert_eq!(last.merged_into(stored.as_ref()), Ok(stored));
    }

    #[test]
    fn what_was_read_and_is_written_back_changes_nothing(patches in collection::vec(patches(), 1..4)) {
        let Some(stored) = merged(&patches) else { return Ok(()) };
        let read = PublicErrorPatch::new(stored.members().clone());
        let read = read.unwrap_or_else(|violations| panic!("{violations:?}"));
        prop_assert_eq!(read.merged_into(Some(&stored)), Ok(Some(stored)));
    }

    #[test]
    fn the_same_report_is_truncated_in_the_same_way(patches in collection::vec(patches(), 1..4)) {
        prop_assert_eq!(merged(&patches), merged(&patches));
    }

    /// Two strings near one length, of which the second is sent again: both are truncated between code points.
    #[test]
    fn the_rounding_of_a_truncation_makes_no_change(
        one in 30_000_usize..34_000, other in 30_000_usize..34_000, piece in sample::select(vec!["x", "é", "…", "\u{1f600}", "\u{1}"]),
    ) {
        let patch = |name: &str, text: String| {
            let members = [(name.to_owned(), JsonValue::String(text))].into_iter().collect();
            PublicErrorPatch::new(members).unwrap_or_else(|violations| panic!("{violations:?}"))
        };
        let first = patch("a", piece.repeat(one.div_ceil(piece.len())));
        let second = patch("b", "y".repeat(other));
        let stored = merged(&[first.clone(), second.clone()]);
        prop_assert_eq!(second.merged_into(stored.as_ref()), Ok(stored.clone()));
        prop_assert_eq!(first.merged_into(stored.as_ref()), Ok(stored));
    }
}
