//! The search box: `/ui/go?q=`.

use flowruns_domain::{
    display_name::DisplayName,
    id::{FlowId, FlowKey, RunId},
    query::{
        Comparison, Direction, Filter, FlowOrder, FlowPredicate, FlowQuery, FlowSort, Operator,
        PageSize, TextComparison,
    },
};

use crate::{
    address::{OverviewAddress, Parameters, stored_text},
    links::{self, flow_path, run_path},
    page::Page,
    problem::Problem,
    request::PageRequest,
};

/// Redirects to the run or flow with an id, else to the flow of a name, else to the flows whose names begin so.
pub(crate) async fn get(request: PageRequest) -> Result<Page, Problem> {
    let mut parameters = Parameters::of(request.query());
    let sought = parameters.take("q", |text| stored_text(text.trim()).map(str::to_owned));
    parameters.finish(links::GO)?;
    let Some(sought) = sought.filter(|sought| !sought.is_empty()) else {
        return Ok(Page::redirect(links::OVERVIEW));
    };
    if let (Ok(run), Ok(flow)) = (sought.parse(), sought.parse()) {
        return to_id(&request, run, flow).await;
    }
    to_name(&request, sought).await
}

/// To the run with this id, or to the flow.
async fn to_id(request: &PageRequest, run: RunId, flow: FlowId) -> Result<Page, Problem> {
    let tenant = request.tenant();
    let runs = request.store().find_run_keys(tenant, run, 1).await?;
    if let Some(run) = runs.first() {
        return Ok(Page::redirect(run_path(*run)));
    }
    match request.store().find_flow(FlowKey { tenant, flow }).await? {
        Some(flow) => Ok(Page::redirect(flow_path(flow.key.flow))),
        None => Err(Problem::not_found("run or flow")),
    }
}

async fn to_name(request: &PageRequest, name: String) -> Result<Page, Problem> {
    let is_equal = Comparison::Compare(Operator::Eq, Some(name.clone()));
    let named = FlowPredicate::DisplayName(TextComparison::Whole(is_equal));
    let query = FlowQuery {
        filter: Some(Filter::Predicate(named)),
        order: FlowOrder::new(FlowSort::DisplayName, Direction::Ascending),
        size: PageSize::new(2).unwrap_or_default(),
        ..FlowQuery::new(request.tenant())
    };
    let found = request.store().query_flows(&query).await?;
    match found.items.as_slice() {
        [flow] => Ok(Page::redirect(flow_path(flow.key.flow))),
        _ if name.chars().count() <= DisplayName::MAX_CHARS => {
            let address = OverviewAddress { name: Some(name), ..OverviewAddress::default() };
            Ok(Page::redirect(address))
        }
        _ => Err(Problem::not_found("flow")),
    }
}
