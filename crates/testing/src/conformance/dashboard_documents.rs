//! The queries of the dashboard for documents and histories.

use std::sync::Arc;

use flowruns_domain::{
    dashboard::{
        ErrorLine, EventCount, Last, LastEvents, MemberPath, MemberPaths, RecentRun, RunKeys,
    },
    id::RunKey,
    json::{JsonValue, Number},
    query::{EventPageRequest, PageSize, RunDetails, event_bytes},
    run::{NewRun, Outcome, PublicErrorPatch, RunEvent, RunProperties},
    store::Store,
    version::Version,
};

use super::{
    dashboard::{create_all, ended, recent},
    fixture::Fixture,
};
use crate::fixtures::{counted, object};

impl Fixture {
    /// The runs of a series and their values.
    pub(super) async fn series(
        &self,
        paths: &[&[&str]],
        last: u16,
    ) -> Vec<(RecentRun, Vec<Option<Number>>)> {
        let path = |names: &&[&str]| MemberPath::new(names.iter().map(|&n| n.to_owned()).collect());
        let paths: Result<Vec<_>, _> = paths.iter().map(path).collect();
        let paths = MemberPaths::new(paths.expect("a case names members"));
        let (paths, last) = (paths.expect("they are few"), Last::new(last).expect("up to 200"));
        let found = self.store.member_series(self.flow, &paths, last).await;
        let found = found.expect("the store reads statistics").into_iter();
        found.map(|values| (values.run, values.values)).collect()
    }

    pub(super) async fn error_lines(&self, numbers: &[u64]) -> Vec<ErrorLine> {
        let keys = RunKeys::new(numbers.iter().map(|number| self.key(*number)));
        let lines = self.store.error_lines(&keys.expect("a case asks for a few")).await;
        lines.expect("the store reads errors")
    }
}

/// The numbers at the paths, through objects only, newest run first. Any other value is none.
pub async fn a_series_has_the_numbers_at_its_paths(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let hostile = "'; -- $1 {} \u{202e}<b>\"\\/~";
    let documents = [
        r#"{"rows":1,"records":{"read":2.5,"":{"0":3}},"list":[7,{"a":8}]}"#,
        "{}",
        r#"{"rows":"12","records":[{"read":5}],"list":{"0":{"a":-18446744073709551615.0}}}"#,
        r#"{"rows":18446744073709551615,"records":{"read":1e300,"":9}}"#,
        r#"{"rows":null,"records":null}"#,
    ];
    let with = |(minute, document): (u64, &&str)| {
        let run = ended(minute, Outcome::Completed);
        NewRun { statistics: object(document), ..run }
    };
    let mut runs: Vec<NewRun> = (0..).zip(&documents).map(with).collect();
    runs[1].statistics.insert(hostile, JsonValue::Number(Number::from(-7_i64)));
    let runs = create_all(&fixture, &runs).await;
    fixture.delete(runs[4].key).await;

    let paths: [&[&str]; 6] = [
        &["rows"],
        &["records", "read"],
        &["records", "", "0"],
        &["list", "0"],
        &["list", "0", "a"],
        &[hostile],
    ];
    let double = Number::from_double;
    let (integer, whole) = (|value: i64| Some(Number::from(value)), Some(Number::from(u64::MAX)));
    let values = [
        vec![whole, double(1e300), None, None, None, None],
        vec![None, None, None, None, double(-18_446_744_073_709_551_615.0), None],
        vec![None, None, None, None, None, integer(-7)],
        vec![integer(1), double(2.5), integer(3), None, None, None],
    ];
    let expected: Vec<_> = recent(&runs, &[4, 3, 2, 1]).into_iter().zip(values).collect();
    assert_eq!(fixture.series(&paths, 200).await, expected);
    assert_eq!(fixture.series(&paths, 2).await, expected[..2]);

    let without = fixture.series(&[], 200).await;
    let runs: Vec<_> = without.iter().map(|(run, _)| run.clone()).collect();
    assert_eq!(runs, expected.into_iter().map(|(run, _)| run).collect::<Vec<_>>());
    assert!(without.iter().all(|(_, values)| values.is_empty()));
    let empty = fixture.other_flow().await;
    assert_eq!(empty.series(&paths, 200).await, []);
}

/// Of the runs before, as many of the newest as the bounds allow have their documents, the first one in any case.
pub async fn the_newest_of_earlier_runs_have_their_documents(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let text = "x".repeat(30_000);
    for number in 1..=5 {
        let mut new = ended(number, Outcome::Failed);
        new.statistics = object(&format!(r#"{{"rows":{number},"text":"{text}"}}"#));
        new.blocking_error = PublicErrorPatch::new(object(r#"{"code":"c"}"#)).ok();
        fixture.create(number, &new).await;
    }
    let rows = |rows: u16, bytes| PageSize::new(rows).expect("a few rows").within(bytes);
    for (details, detailed) in
        [(rows(3, 1_000_000), 3), (rows(5, 70_000), 2), (rows(5, 1), 1), (rows(0, 1_000_000), 0)]
    {
        for (of, newest, count) in [(Some(5), 4, 4), (None, 5, 5)] {
            let found = fixture.neighbours(of, (50, details)).await;
            assert_eq!(found.before.len(), count);
            for (earlier, number) in found.before.iter().zip((1..=newest).rev()) {
                let run = fixture.find(fixture.key(number)).await.expect("it exists");
                assert_eq!(earlier.run, RecentRun::from(&run));
                let RunProperties { blocking_error, statistics, .. } = run.properties;
                let documents = RunDetails { blocking_error, statistics };
                let is_detailed = newest - number < detailed;
                assert_eq!(earlier.details, is_detailed.then_some(documents), "{details:?}");
            }
        }
    }
}

/// Code and message, cut at a code point; runs without an error, deleted and absent ones have no line.
pub async fn error_lines_are_the_beginnings_of_errors(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let long = "\u{1f600}".repeat(ErrorLine::MAX_CHARS);
    let longer = format!("{long}x");
    let hostile = "<script>alert('x')</script> \u{202e}'; --\n\t\u{1}";
    let errors = [
        Some(vec![("code", "timeout"), ("message", hostile)]),
        None,
        Some(vec![("code", &*long), ("message", &*longer)]),
        Some(vec![("message", &*long)]),
        Some(vec![("target", "t")]),
        Some(vec![("code", "deleted")]),
        Some(vec![("code", &*longer)]),
    ];
    for (number, members) in (1..).zip(&errors) {
        let mut new = ended(number, Outcome::Failed);
        new.blocking_error = members.as_ref().map(|members| {
            let mut error = object("{}");
            for (name, value) in members {
                error.insert(*name, JsonValue::from(*value));
            }
            PublicErrorPatch::new(error).expect("it is an error")
        });
        fixture.create(number, &new).await;
    }
    fixture.delete(fixture.key(6)).await;

    let line = |number, code: Option<&str>, message: Option<&str>, is_cut| ErrorLine {
        run: fixture.key(number),
        code: code.map(str::to_owned),
        message: message.map(str::to_owned),
        is_cut,
    };
    let expected = [
        line(7, Some(&long), None, true),
        line(4, None, Some(&long), false),
        line(1, Some("timeout"), Some(hostile), false),
        line(5, None, None, false),
        line(3, Some(&long), Some(&long), true),
    ];
    assert_eq!(fixture.error_lines(&[7, 4, 1, 2, 6, 99, 5, 3]).await, expected);
    assert_eq!(fixture.error_lines(&[2, 99]).await, []);
}

/// Newest first, in pages by version, each within its bytes.
pub async fn the_last_events_are_read_newest_first(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let key = fixture.create_default(1).await.key;
    for row in 0..30 {
        let text = "x".repeat(if row % 2 == 0 { 10 } else { 60_000 });
        fixture.change(key, counted(&format!(r#"{{"rows":{row},"text":"{row}{text}"}}"#))).await;
    }
    let mut all = whole_history(&fixture, key).await;
    assert_eq!(all.len(), 31);
    all.reverse();

    for (count, least_pages) in [(50, 2), (7, 5), (1, 31)] {
        let count = EventCount::new(count).expect("up to 50");
        let (mut read, mut pages, mut before) = (Vec::new(), 0, None);
        loop {
            let last = LastEvents { count, before };
            let page = fixture.store.last_events(key, last).await;
            let page = page.expect("the store reads events").expect("the run exists");
            let bytes: usize = page.items.iter().map(event_bytes).sum();
            assert!(bytes <= PageSize::default().bytes() || page.items.len() == 1, "{bytes}");
            assert!((1..=usize::from(count.get())).contains(&page.items.len()));
            before = page.items.last().map(|event| event.version);
            read.extend(page.items);
            pages += 1;
            if !page.has_more {
                break;
            }
        }
        assert_eq!(read, all);
        assert!(pages >= least_pages, "{pages} pages");
    }
    let before = LastEvents { count: EventCount::MAX, before: Some(Version::FIRST) };
    let page = fixture.store.last_events(key, before).await;
    let page = page.expect("the store reads events").expect("the run exists");
    assert_eq!((page.items, page.has_more), (vec![], false));
    let newest = LastEvents::new(EventCount::MAX);
    fixture.delete(key).await;
    for absent in [key, fixture.key(2)] {
        let found = fixture.store.last_events(absent, newest).await;
        assert_eq!(found.expect("the store reads events"), None);
    }
}

/// All entries, oldest first.
async fn whole_history(fixture: &Fixture, key: RunKey) -> Vec<RunEvent> {
    let mut all: Vec<RunEvent> = Vec::new();
    loop {
        let after = all.last().map(|event| event.version);
        let request = EventPageRequest { size: PageSize::default(), after };
        let page = fixture.store.list_run_events(key, request).await;
        let page = page.expect("the store lists events").expect("the run exists");
        all.extend(page.items);
        if !page.has_more {
            return all;
        }
    }
}
