//! The pages of a list give the whole list, whatever the filter, the order and the page size, and both stores agree.

use std::sync::{Arc, OnceLock};

use flowruns_domain::{
    id::FlowKey,
    query::{
        Comparison, Direction, EnumComparison, Filter, ListedRun, Operator, PageSize, RunFilter,
        RunOrder, RunPredicate, RunQuery, RunScope, RunSort, TextComparison,
    },
    run::{NewRun, RunStatus},
    store::Store,
    timestamp::Timestamp,
};
use flowruns_testing::{MemoryStore, fixtures, scratch::ScratchDatabase};
use proptest::{collection, option, prelude::*, sample};
use tokio::runtime::Runtime;
use uuid::Uuid;

const RUNS: u64 = 60;
const NAMES: [&str; 5] = ["a", "ab", "B", "\u{e4}b", "b%_'"];

fn moment(minute: u64) -> Timestamp {
    fixtures::time(&format!("2026-03-01T08:{:02}:00Z", minute % 60))
}

fn run(number: u64) -> NewRun {
    let status = RunStatus::ALL[(number * 7 % 5) as usize];
    NewRun {
        display_name: fixtures::name(NAMES[(number % 5) as usize]),
        start: Some(moment(number % 4)),
        end: (status != RunStatus::Running).then(|| moment(10 + number % 6)),
        status,
        ..fixtures::new_run()
    }
}

/// The same runs in both stores.
struct BothStores {
    runtime: Runtime,
    stores: [Arc<dyn Store>; 2],
    flow: FlowKey,
    _database: ScratchDatabase,
}

fn both_stores() -> &'static BothStores {
    static BOTH_STORES: OnceLock<BothStores> = OnceLock::new();
    BOTH_STORES.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let database = runtime.block_on(ScratchDatabase::create());
        let postgres = runtime.block_on(database.store());
        let stores: [Arc<dyn Store>; 2] = [Arc::new(MemoryStore::default()), Arc::new(postgres)];
        let flow = fixtures::fresh_flow(fixtures::fresh_tenant());
        for store in &stores {
            runtime.block_on(store.create_flow(flow.clone())).unwrap();
            for number in 1..=RUNS {
                let key = fixtures::run_key(flow.key, number);
                let creation = run(number).create(key, &fixtures::origin()).unwrap();
                runtime.block_on(store.create_run(creation)).unwrap();
            }
        }
        BothStores { runtime, stores, flow: flow.key, _database: database }
    })
}

async fn all_pages(store: &dyn Store, query: &RunQuery) -> Vec<ListedRun> {
    let mut query = query.clone();
    let mut rows = Vec::new();
    loop {
        let found = store.query_runs(&query).await.unwrap().unwrap();
        rows.extend(found.items);
        let Some(next) = found.next else { return rows };
        (query.after, query.skip) = (Some(next.after), next.skip);
    }
}

fn test<V: Clone + std::fmt::Debug + 'static>(
    values: impl Strategy<Value = V> + Clone + 'static,
    operators: &'static [Operator],
) -> impl Strategy<Value = Comparison<V>> {
    let compare = (sample::select(operators), option::of(values.clone()));
    prop_oneof![
        compare.prop_map(|(operator, value)| Comparison::Compare(operator, value)),
        collection::vec(option::of(values), 0..4).prop_map(Comparison::In),
    ]
}

fn statuses() -> impl Strategy<Value = EnumComparison<RunStatus>> {
    let status = || option::of(sample::select(&RunStatus::ALL[..]));
    prop_oneof![
        status().prop_map(EnumComparison::Eq),
        status().prop_map(EnumComparison::Ne),
        collection::vec(status(), 0..4).prop_map(EnumComparison::In),
    ]
}

fn terms() -> impl Strategy<Value = RunPredicate> {
    let times = || (0_u64..20).prop_map(moment).boxed();
    let ids = (0..RUNS as u128 + 2).prop_map(|n| Uuid::from_u128(0x7000_8000_0000_0000_0000 | n));
    let texts = || {
        sample::select(vec!["", "a", "b", "ab", "%", "'", "B", "\u{e4}"]).prop_map(str::to_owned)
    };
    prop_oneof![
        test(ids.boxed(), &Operator::ALL).prop_map(RunPredicate::Id),
        test(times(), &Operator::ALL).prop_map(RunPredicate::Start),
        test(times(), &Operator::ALL).prop_map(RunPredicate::End),
        statuses().prop_map(RunPredicate::Status),
        test(texts().boxed(), &Operator::ALL)
            .prop_map(|test| RunPredicate::DisplayName(TextComparison::Whole(test))),
        texts().prop_map(|part| RunPredicate::DisplayName(TextComparison::StartsWith(part))),
        texts().prop_map(|part| RunPredicate::DisplayName(TextComparison::EndsWith(part))),
        texts().prop_map(|part| RunPredicate::DisplayName(TextComparison::Contains(part))),
    ]
}

fn filters() -> impl Strategy<Value = RunFilter> {
    let leaf = terms().prop_map(Filter::Predicate);
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Filter::Not(Box::new(inner))),
            collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            collection::vec(inner, 2..4).prop_map(Filter::Or),
        ]
    })
}

fn orders() -> impl Strategy<Value = RunOrder> {
    let sorts = [RunSort::Start, RunSort::End, RunSort::DisplayName, RunSort::Id];
    let directions = [Direction::Ascending, Direction::Descending];
    (
        sample::select(sorts.to_vec()),
        sample::select(directions.to_vec()),
        sample::select(directions.to_vec()),
    )
        .prop_map(|(sort, direction, ties)| RunOrder { sort, direction, ties })
}

proptest! {
    #[test]
    fn the_pages_of_both_stores_are_the_matching_runs_in_order(
        filter in option::weighted(0.9, filters()),
        order in orders(),
        size in 1_u16..=RUNS as u16 + 1,
        skip in 0_usize..10,
    ) {
        let both_stores = both_stores();
        let whole = RunQuery::new(RunScope::Flow(both_stores.flow));
        let query = RunQuery { filter, order, size: PageSize::new(size).unwrap(), skip, ..whole.clone() };
        let [memory, _] = &both_stores.stores;
        let all = both_stores.runtime.block_on(all_pages(&**memory, &whole));
        let matches = |row: &ListedRun| query.filter.as_ref().is_none_or(|f| f.matches(&row.summary));
        let mut expected: Vec<_> = all.into_iter().filter(matches).collect();
        expected.sort_by(|one, other| {
            order.compare(&order.cursor(&one.summary), &order.cursor(&other.summary))
        });
        expected.drain(..skip.min(expected.len()));
        for store in &both_stores.stores {
            let listed = both_stores.runtime.block_on(all_pages(&**store, &query));
            prop_assert_eq!(&listed, &expected);
        }
    }
}

/// The property is trivial where no run matches, so each status needs some runs.
#[test]
fn the_runs_are_of_every_status() {
    let statuses: Vec<RunStatus> = (1..=RUNS).map(|number| run(number).status).collect();
    assert!(RunStatus::ALL.iter().all(|status| statuses.contains(status)));
}
