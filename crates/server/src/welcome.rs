//! What `serve` says on stdout: where it is, and two lines to paste.

use flowruns_api::auth::Permission;
use flowruns_domain::{
    Clock as _, DataDomain, DisplayName, Environment, FlowQuery, FlowService, Ids as _, NewFlow,
    ReadinessStatus, SystemClock, TenantId, TimeOrderedIds,
};

use crate::{commands::token::DEMO_TENANT, local_key::LocalKey};

const ONE_HOUR: u64 = 3600;

/// The address alone, where tokens come from an issuer.
pub(crate) fn address(url: &str) -> String {
    format!("flowruns serves on {url}\n")
}

/// The address and two lines of curl for the demo tenant, which gets a flow for them.
pub(crate) async fn first_steps(
    url: &str,
    environment: &Environment,
    key: &LocalKey,
) -> anyhow::Result<String> {
    let tenant: TenantId = DEMO_TENANT.parse()?;
    let flows = FlowService::new(environment.clone());
    let flow = match flows
        .query(&FlowQuery::new(tenant))
        .await?
        .items
        .into_iter()
        .next()
    {
        Some(flow) => flow,
        None => flows.create(tenant, first_flow()?).await?,
    };
    let run = TimeOrderedIds.next(SystemClock.now());
    let token = key.mint(tenant, &Permission::ALL, ONE_HOUR)?;
    let runs = format!("{url}/industryData/incomingFlows/{}/runs", flow.key.flow);
    let headers = format!("-H 'Authorization: Bearer {token}' -H 'Content-Type: application/json'");
    Ok(format!(
        "flowruns serves on {url}\n\
         Create a run, then report that it has completed (the token is good for one hour):\n\
         curl -X POST '{runs}' {headers} -d '{{\"id\":\"{run}\",\"displayName\":\"First run\"}}'\n\
         curl -X PATCH '{runs}/{run}' {headers} -d '{{\"status\":\"completed\",\"statistics\":{{\"rows\":1200}}}}'\n"
    ))
}

fn first_flow() -> anyhow::Result<NewFlow> {
    Ok(NewFlow {
        display_name: DisplayName::new("First flow")?,
        readiness_status: ReadinessStatus::default(),
        data_domain: DataDomain::default(),
        effective: None,
        expiration: None,
    })
}
