//! The overview: all flows, each with its last runs.

use flowruns_domain::query::{Direction, FlowOrder, FlowQuery, FlowSort, PageSize};
use maud::{Markup, html};
use serde::Serialize;

use crate::{
    address::OverviewAddress,
    context::PageContext,
    page::{Area, Page, View},
    problem::Problem,
    request::PageRequest,
};

/// The flows of a page.
#[derive(Debug, Serialize)]
pub(crate) struct Overview {
    flows: Vec<String>,
}

pub(crate) async fn get(request: PageRequest) -> Result<Page, Problem> {
    let address = OverviewAddress::parse(request.query())?;
    let query = FlowQuery {
        order: FlowOrder::new(FlowSort::DisplayName, Direction::Ascending),
        size: PageSize::new(u16::from(address.size())).unwrap_or_default(),
        ..FlowQuery::new(request.tenant())
    };
    let found = request.dashboard.flows.query(&query).await?;
    let names = found.items.into_iter();
    let flows = names.map(|flow| flow.properties.display_name.as_str().to_owned()).collect();
    Ok(Page::new(Overview { flows }))
}

impl View for Overview {
    fn title(&self) -> String {
        "Flows".to_owned()
    }

    fn area(&self) -> Option<Area> {
        Some(Area::Flows)
    }

    fn body(&self, _page: &PageContext) -> Markup {
        html! {
            h1 { "Flows" }
            ul { @for flow in &self.flows { li { bdi { (flow) } } } }
        }
    }
}
