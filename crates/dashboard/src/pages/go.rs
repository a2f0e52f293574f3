//! The search box: `/ui/go?q=`.

use flowruns_domain::{
    display_name::DisplayName,
    flow::Flow,
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

/// Redirects to the run or flow with an id, else to the flow of a name, else to the flows whose names begin so. Upper and lower
/// case of names do not matter.
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

/// To the flow of this name: as it is written, else in upper and lower case.
async fn to_name(request: &PageRequest, name: String) -> Result<Page, Problem> {
    if name.chars().count() > DisplayName::MAX_CHARS {
        return Err(Problem::not_found("flow"));
    }
    let is_equal = Comparison::Compare(Operator::Eq, Some(name.clone()));
    let named = FlowPredicate::DisplayName(TextComparison::Whole(is_equal));
    let query = FlowQuery {
        filter: Some(Filter::Predicate(named)),
        order: FlowOrder::new(FlowSort::DisplayName, Direction::Ascending),
        size: PageSize::new(2).unwrap_or_default(),
        ..FlowQuery::new(request.tenant())
    };
    let exact = request.store().query_flows(&query).await?.items;
    let similar = match exact.is_empty() {
        true => named_in_any_case(request, &name).await?,
        false => Vec::new(),
    };
    Ok(match exact.as_slice() {
        [flow] => Page::redirect(flow_path(flow.key.flow)),
        _ => match similar.as_slice() {
            [flow] => Page::redirect(flow_path(flow.key.flow)),
            _ => Page::redirect(OverviewAddress { name: Some(name), ..OverviewAddress::default() }),
        },
    })
}

/// The flows whose name is this one but for upper and lower case, among the first [`PageSize::MAX`] by name: no index finds
/// them.
async fn named_in_any_case(request: &PageRequest, name: &str) -> Result<Vec<Flow>, Problem> {
    let query = FlowQuery {
        order: FlowOrder::new(FlowSort::DisplayName, Direction::Ascending),
        size: PageSize::new(PageSize::MAX).unwrap_or_default(),
        ..FlowQuery::new(request.tenant())
    };
    let mut flows = request.store().query_flows(&query).await?.items;
    let name = name.to_lowercase();
    flows.retain(|flow| flow.properties.display_name.as_str().to_lowercase() == name);
    Ok(flows)
}
