//! Queries of flows.

use std::sync::Arc;

use flowruns_domain::{
    flow::ReadinessStatus,
    query::{
        Comparison, Count, CountLimit, EnumComparison, Filter, FlowFilter, FlowOrder,
        FlowPredicate, FlowQuery, FlowSort, Operator, TextComparison,
    },
    store::Store,
};

use super::{
    fixture::{Fixture, page_size},
    queries::{DIRECTIONS, NAMES},
};
use crate::fixtures::name;

/// Flows are filtered, ordered, paged and counted as runs are, and found together.
pub async fn flows_are_queried_by_name_and_readiness(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let tenant = fixture.flow.tenant;
    for (index, status) in ReadinessStatus::ALL.iter().cycle().take(12).enumerate() {
        let mut flow = crate::fixtures::fresh_flow(tenant);
        flow.properties.display_name = name(NAMES[index % NAMES.len()]);
        flow.properties.readiness_status = *status;
        let stored = fixture.store.create_flow(flow).await;
        stored.expect("the flow is stored");
    }
    let mut query = FlowQuery::new(tenant);
    let all = fixture.store.query_flows(&query).await;
    let all = all.expect("flows can be queried").items;
    assert_eq!(all.len(), 13);
    let ready = EnumComparison::Eq(Some(ReadinessStatus::Ready));
    let prefix = FlowPredicate::DisplayName(TextComparison::StartsWith("a".to_owned()));
    let equal = Comparison::Compare(Operator::Eq, Some(NAMES[1].to_owned()));
    let equal = FlowPredicate::DisplayName(TextComparison::Whole(equal));
    let id = |index: usize| Some(all[index].key.flow.uuid());
    let one_id = FlowPredicate::Id(Comparison::Compare(Operator::Eq, id(3)));
    let ids = FlowPredicate::Id(Comparison::In(vec![id(9), None, id(1), id(9), id(5), id(7)]));
    let is_ready = Filter::Predicate(FlowPredicate::ReadinessStatus(ready));
    let filters: [Option<FlowFilter>; 7] = [
        None,
        Some(is_ready.clone()),
        Some(Filter::Predicate(prefix.clone())),
        Some(Filter::And(vec![is_ready, Filter::Predicate(prefix)])),
        Some(Filter::Predicate(equal)),
        Some(Filter::Predicate(one_id)),
        Some(Filter::Predicate(ids)),
    ];
    for filter in filters {
        let matching = all.iter().filter(|flow| filter.as_ref().is_none_or(|f| f.matches(flow)));
        let mut expected: Vec<_> = matching.cloned().collect();
        query.filter.clone_from(&filter);
        let counted = fixture.store.count_flows(&query, CountLimit::default()).await;
        let number = Count::Exactly(expected.len() as u64);
        assert_eq!(counted.expect("flows can be counted"), number);
        for sort in [FlowSort::Id, FlowSort::DisplayName] {
            for (direction, ties) in DIRECTIONS.into_iter().flat_map(|d| DIRECTIONS.map(|t| (d, t)))
            {
                let order = FlowOrder { sort, direction, ties };
                expected.sort_by(|a, b| order.compare(&order.cursor(a), &order.cursor(b)));
                (query.order, query.size, query.after) = (order, page_size(3), None);
                let mut walked = Vec::new();
                loop {
                    let found = fixture.store.query_flows(&query).await;
                    let found = found.expect("flows can be queried");
                    walked.extend(found.items);
                    let Some(next) = found.next else { break };
                    query.after = Some(next.after);
                }
                assert_eq!(walked, expected, "{query:?}");
            }
        }
    }
    let ids: Vec<_> = all.iter().map(|flow| flow.key.flow).collect();
    let found = fixture.store.find_flows(tenant, &ids).await;
    let mut found = found.expect("flows can be found");
    found.sort_by_key(|flow| flow.key.flow);
    assert_eq!(found, all);
    let stranger = crate::fixtures::fresh_tenant();
    let found = fixture.store.find_flows(stranger, &ids).await;
    assert_eq!(found.expect("flows can be found"), []);
}
