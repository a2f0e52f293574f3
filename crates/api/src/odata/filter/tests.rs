use flowruns_domain::{
    flow::ReadinessStatus,
    query::{
        Comparison, EnumComparison, FlowFilter, FlowPredicate, Operator, RunFilter, RunPredicate,
        TextComparison,
    },
    run::RunStatus,
    timestamp::Timestamp,
};
use proptest::{collection, option, prelude::*, sample};

use super::*;

fn run_filter(text: &str) -> Parsed<RunFilter> {
    parse::<Runs>(text)
}

/// The filter as it is understood.
fn meant(text: &str) -> String {
    run_filter(text).unwrap().to_string()
}

#[test]
fn and_binds_closer_than_or_and_not_closer_than_both() {
    let text = "not status eq 'failed' and startswith(displayName,'a') or endDateTime eq null";
    let expected =
        "(not (status eq 'failed') and startswith(displayName,'a')) or endDateTime eq null";
    assert_eq!(meant(text), expected);
    assert_eq!(run_filter(expected), run_filter(text));
}

#[test]
fn every_spelling_is_understood() {
    for (text, expected) in [
        ("status in ('failed', 'running')", "status in ('failed','running')"),
        ("'running' eq status", "status eq 'running'"),
        ("2026-03-01T08:30:00Z lt startDateTime", "startDateTime gt 2026-03-01T08:30:00Z"),
        ("status EQ microsoft.graph.runStatus'failed'", "status eq 'failed'"),
        ("displayName eq 'it''s'", "displayName eq 'it''s'"),
        ("contains(displayName,'a') eq false", "not (contains(displayName,'a'))"),
        ("(((status ne null)))", "status ne null"),
        ("not(endswith(displayName,''))", "not (endswith(displayName,''))"),
        (
            "STATUS in ('failed') AND DisplayName eq 'A' or Not EndDateTime eq Null",
            "(status in ('failed') and displayName eq 'A') or not (endDateTime eq null)",
        ),
        ("StartsWith(DISPLAYNAME,'a') EQ True", "startswith(displayName,'a')"),
        (
            "status eq 'unknownFutureValue' or status ne 'unknownFutureValue'",
            "status eq null or status ne null",
        ),
        ("status in ('failed','unknownFutureValue')", "status in ('failed',null)"),
        (
            "endDateTime ge 2026-03-01T09:30:00.5+01:00",
            "endDateTime ge 2026-03-01T08:30:00.500000Z",
        ),
    ] {
        assert_eq!(meant(text), expected, "{text}");
    }
}

#[test]
fn an_error_says_where_it_is() {
    for (text, at) in [
        ("", 0),
        ("status eq", 9),
        ("status eq 'gone'", 0),
        ("status gt 'failed'", 0),
        ("status eq 'failed' und", 19),
        ("status eq 'failed' and (displayName eq 'a'", 42),
        ("rows eq 'a'", 0),
        ("status eq failed", 10),
        ("'a' eq 'b'", 7),
        ("displayName eq 'a", 15),
        ("startDateTime gt '2026-03-01T08:30:00Z'", 0),
        ("startDateTime gt 2026-03-01", 17),
        ("length(displayName) eq 3", 0),
        ("id eq 'x'", 0),
        ("status in ()", 11),
        ("status eq 'failed';", 18),
        ("displayName eq '\0'", 15),
        ("startswith(status,'a')", 0),
    ] {
        assert_eq!(run_filter(text).map_err(|error| error.at), Err(at), "{text}");
    }
}

/// What other services and versions take, and what the message says to send instead.
#[test]
fn an_error_says_what_to_send_instead() {
    for (text, instead) in [
        ("tolower(displayName) eq 'a'", "as it is stored"),
        ("displayName eq toUpper('a')", "as it is stored"),
        ("length(displayName) gt 3", "startswith"),
        ("indexof(displayName,'a') eq 0", "startswith"),
        ("substringof('a',displayName)", "contains(displayName"),
        ("year(startDateTime) eq 2026", "startDateTime ge"),
        ("startDateTime ge now()", "send the time itself"),
        ("frobnicate(displayName)", "startswith, endswith and contains"),
        (
            "startDateTime ge datetimeoffset'2026-03-01T08:30:00Z'",
            "with an offset: 2026-03-01T08:30:00Z",
        ),
        ("startDateTime ge datetime'2026-03-01T08:30:00'", "with an offset"),
        (
            "id eq guid'0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e'",
            "as a string: '0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e'",
        ),
        (
            "id eq 0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e",
            "send '0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e', in single quotes",
        ),
        (
            "id in (c197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e)",
            "send 'c197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e', in single quotes",
        ),
        ("startDateTime ge '2026-03-01T08:30:00+01:00'", "send 2026-03-01T07:30:00Z instead of"),
        ("startDateTime ge 2026-03-01T08:30:00", "has no offset; send 2026-03-01T08:30:00Z"),
        ("startDateTime ge 2026-03-01T08:30:00 01:00", "2026-03-01T08:30:00%2B01:00"),
        ("startDateTime ge 2026-03-01", "send a time with an offset: 2026-03-01T00:00:00Z"),
        (
            "startDateTime ge '2026-01-01T00:00:00'",
            "with an offset: send 2026-01-01T00:00:00Z instead of",
        ),
        ("startDateTime ge '2026-01-01'", "send 2026-01-01T00:00:00Z instead of"),
        ("startDateTime ge '2026-01-01 08:30'", "send 2026-01-01T08:30:00Z instead of"),
        ("startDateTime ge '2026-01-01T08:30:00 01:00'", "send 2026-01-01T07:30:00Z instead of"),
        ("startDateTime ge 'today'", "'today' is none; a time is such as"),
        ("endDateTime eq 'null'", "send endDateTime eq null"),
        ("startDateTime ge datetime'2026-01-01T00:00:00'", "with an offset: 2026-01-01T00:00:00Z"),
        ("startDateTime ge 2026-01-01T25:00:00", "cannot be read"),
        ("startDateTime ge NaN", "NaN is a number"),
        ("startDateTime ge -INF", "-INF is a number"),
        ("displayName in ('a',Infinity)", "Infinity is a number"),
        ("startDateTime ge today", "with a time such as"),
        ("contains(endDateTime,'x')", "endDateTime is compared by eq, ne, gt, ge, lt, le and in;"),
        ("contains(status,'x')", "status is compared by eq, ne and in;"),
        ("status has 'x'", "le or in; found has"),
        ("status eq 'failed' xor status eq 'running'", "or the end; found xor"),
        ("status in ()", "or null; found )"),
        ("status eq", "found the end of the filter"),
        ("status eq failed", "'failed' is quoted"),
        ("status eq \"failed\"", "single quotes: 'text'"),
        ("status == 'failed'", "send eq, ne"),
        ("statistics/rows eq 5", "property of the row itself"),
        ("status eq 5", "5 is a number"),
        ("status eq 5L", "5L is a number"),
        ("status eq 'Failed'", "failed"),
    ] {
        let message = run_filter(text).unwrap_err().message;
        assert!(message.contains(instead), "{text}: {message}");
    }
}

#[test]
fn what_is_too_deep_too_long_or_too_much_is_refused() {
    let nested = |depth| format!("{}status eq 'failed'{}", "(".repeat(depth), ")".repeat(depth));
    assert!(run_filter(&nested(MAX_DEPTH)).is_ok());
    assert!(run_filter(&nested(MAX_DEPTH + 1)).is_err());
    assert!(run_filter(&format!("{}status eq 'failed'", "not ".repeat(MAX_DEPTH + 1))).is_err());
    let id = "'0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e'";
    let many = |values| format!("id in ({id}{})", format!(", {id}").repeat(values - 1));
    assert!(run_filter(&many(MAX_LISTED_VALUES)).is_ok());
    assert!(run_filter(&many(MAX_LISTED_VALUES + 1)).is_err());
    let terms = |terms| format!("status eq 'failed'{}", " or status eq 'failed'".repeat(terms - 1));
    assert!(run_filter(&terms(MAX_TERMS)).is_ok());
    assert!(run_filter(&terms(MAX_TERMS + 1)).is_err());
    let long = format!("displayName eq '{}'", "a".repeat(MAX_LENGTH));
    assert!(run_filter(&long).is_err());
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z' %_\\\\]{0,6}", "\\PC{0,6}"]
}

fn test<V: Clone + std::fmt::Debug + 'static>(
    values: impl Strategy<Value = V> + Clone + 'static,
    operators: &'static [Operator],
) -> impl Strategy<Value = Comparison<V>> {
    let compare = (sample::select(operators), option::of(values.clone()));
    prop_oneof![
        compare.prop_map(|(operator, value)| Comparison::Compare(operator, value)),
        collection::vec(option::of(values), 1..4).prop_map(Comparison::In),
    ]
}

fn times() -> impl Strategy<Value = Timestamp> + Clone {
    (0_i64..4_102_444_800_000_000).prop_map(|micros| {
        Timestamp::new(chrono::DateTime::from_timestamp_micros(micros).unwrap()).unwrap()
    })
}

fn text_tests() -> impl Strategy<Value = TextComparison> {
    let values = texts().boxed();
    prop_oneof![
        test(values, &Operator::ALL).prop_map(TextComparison::Whole),
        texts().prop_map(TextComparison::StartsWith),
        texts().prop_map(TextComparison::EndsWith),
        texts().prop_map(TextComparison::Contains),
    ]
}

fn enum_test<V: Copy + std::fmt::Debug>(
    members: &'static [V],
) -> impl Strategy<Value = EnumComparison<V>> {
    let value = || option::of(sample::select(members));
    prop_oneof![
        value().prop_map(EnumComparison::Eq),
        value().prop_map(EnumComparison::Ne),
        collection::vec(value(), 1..4).prop_map(EnumComparison::In),
    ]
}

fn run_terms() -> impl Strategy<Value = RunPredicate> {
    let ids = any::<u128>().prop_map(uuid::Uuid::from_u128);
    prop_oneof![
        test(ids.boxed(), &Operator::ALL).prop_map(RunPredicate::Id),
        text_tests().prop_map(RunPredicate::DisplayName),
        test(times(), &Operator::ALL).prop_map(RunPredicate::Start),
        test(times(), &Operator::ALL).prop_map(RunPredicate::End),
        enum_test(&RunStatus::ALL).prop_map(RunPredicate::Status),
    ]
}

fn conditions<T: Clone + std::fmt::Debug + 'static>(
    terms: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Filter<T>> {
    terms.prop_map(Filter::Predicate).prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Filter::Not(Box::new(inner))),
            collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            collection::vec(inner, 2..4).prop_map(Filter::Or),
        ]
    })
}

proptest! {
    #[test]
    fn a_filter_that_is_shown_is_read_back(filter in conditions(run_terms())) {
        prop_assert_eq!(run_filter(&filter.to_string()), Ok(filter));
    }

    #[test]
    fn a_filter_of_flows_is_read_back(filter in conditions(prop_oneof![
        text_tests().prop_map(FlowPredicate::DisplayName),
        enum_test(&ReadinessStatus::ALL).prop_map(FlowPredicate::ReadinessStatus),
    ])) {
        let filter: FlowFilter = filter;
        prop_assert_eq!(parse::<Flows>(&filter.to_string()), Ok(filter));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,64}", at in 0_usize..64) {
        let _ = run_filter(&text);
        let filter = "not (status in ('failed',null)) and startDateTime ge 2026-03-01T08:30:00Z";
        let position = filter.char_indices().map(|(at, _)| at).nth(at).unwrap_or_default();
        let changed = format!("{}{text}{}", &filter[..position], &filter[position..]);
        let at = run_filter(&changed).map_or_else(|error| error.at, |_| 0);
        prop_assert!(changed.is_char_boundary(at));
    }
}
