//! What `serve` prints on stdout: its address, two curl commands to start with, and a link to the dashboard.

use flowruns_domain::{
    clock::{Clock as _, Ids as _, SystemClock, TimeOrderedIds},
    display_name::DisplayName,
    flow::{DataDomain, Flow, NewFlow, ReadinessStatus},
    id::TenantId,
    query::FlowQuery,
    service::{Environment, FlowService},
};
use flowruns_http::auth::Permission;

use crate::local_key::{CODE_SECONDS, DEMO_TENANT, LocalKey};

const ONE_HOUR: u64 = 3600;

/// The address alone, for a server whose tokens come from an issuer.
pub(crate) fn address(url: &str) -> String {
    format!("flowruns serves on {url}\n")
}

/// The line with the link that opens the dashboard once. It is printed on a terminal only: a journal would keep it and may have
/// other readers.
pub(crate) fn dashboard_link(url: &str, key: &LocalKey) -> anyhow::Result<String> {
    let code = key.mint_code(DEMO_TENANT.parse()?, &Permission::ALL)?;
    let link = open_link(url, &code, None);
    Ok(format!(
        "Open the dashboard (this link works once, for {} minutes; `flowruns open` prints another):\n{link}\n",
        CODE_SECONDS / 60
    ))
}

/// The link that opens a page of the dashboard once.
pub(crate) fn open_link(url: &str, code: &str, page: Option<&str>) -> String {
    let next = page.map(|page| format!("&next={page}")).unwrap_or_default();
    format!("{url}/ui/open?code={code}{next}")
}

/// The address and two curl commands for the demo tenant, for which a flow is created if it has none. They contain a token only
/// on a terminal: a journal would keep the token and may have other readers. While the database accepts no writes, as a standby
/// does, it is the address alone.
pub(crate) async fn first_steps(
    url: &str,
    environment: &Environment,
    key: &LocalKey,
    is_terminal: bool,
) -> anyhow::Result<String> {
    let tenant: TenantId = DEMO_TENANT.parse()?;
    let flow = match demo_flow(tenant, environment).await {
        Ok(flow) => flow,
        Err(error) => {
            tracing::warn!(%error, "no example is printed, because no flow for it could be created");
            return Ok(address(url));
        }
    };
    let token = match is_terminal {
        true => Some(key.mint(tenant, &Permission::ALL, ONE_HOUR)?),
        false => None,
    };
    let run = TimeOrderedIds.next(SystemClock.now()).to_string();
    let runs = format!("{url}/industryData/incomingFlows/{}/runs", flow.key.flow);
    Ok(commands(url, &runs, &run, token.as_deref()))
}

/// The first flow of the tenant.
async fn demo_flow(tenant: TenantId, environment: &Environment) -> anyhow::Result<Flow> {
    let flows = FlowService::new(environment.clone());
    match flows.query(&FlowQuery::new(tenant)).await?.items.into_iter().next() {
        Some(flow) => Ok(flow),
        None => Ok(flows.create(tenant, first_flow()?).await?),
    }
}

/// Four lines, with a token or with a shell variable in its place.
fn commands(url: &str, runs: &str, run: &str, token: Option<&str>) -> String {
    let (token, explanation) = match token {
        Some(token) => (token, "the token is valid for one hour"),
        None => (
            "$TOKEN",
            "TOKEN=$(flowruns token) with the configuration of this server makes a token for one hour",
        ),
    };
    // In double quotes the shell expands the variable; a token has no characters that they would change.
    let headers =
        format!("-H \"Authorization: Bearer {token}\" -H 'Content-Type: application/json'");
    format!(
        "flowruns serves on {url}\n\
         Create a run, then report that it has completed ({explanation}):\n\
         curl -X POST '{runs}' {headers} -d '{{\"id\":\"{run}\",\"displayName\":\"First run\"}}'\n\
         curl -X PATCH '{runs}/{run}' {headers} -d '{{\"status\":\"completed\",\"statistics\":{{\"rows\":1200}}}}'\n"
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_to_the_dashboard_has_a_code_that_is_no_token_of_the_api() {
        let folder = tempfile::tempdir().unwrap();
        let key = LocalKey::open(folder.path()).unwrap();
        let text = dashboard_link("http://h", &key).unwrap();
        let (explanation, link) = text.trim_end().split_once('\n').unwrap();
        assert!(explanation.contains("works once, for 10 minutes"), "{explanation}");
        assert!(link.starts_with("http://h/ui/open?code=eyJ"), "{link}");
        assert_eq!(open_link("http://h", "c", Some("/ui/x")), "http://h/ui/open?code=c&next=/ui/x");
    }

    #[test]
    fn the_commands_contain_the_token_or_a_variable_and_how_to_set_it() {
        let with = commands("http://h", "http://h/runs", "1", Some("a.b.c"));
        assert_eq!(with.matches("\"Authorization: Bearer a.b.c\"").count(), 2);
        assert!(!with.contains("TOKEN"), "{with}");
        let without = commands("http://h", "http://h/runs", "1", None);
        let variable = "\"Authorization: Bearer $TOKEN\"";
        assert_eq!(without.matches(variable).count(), 2);
        assert!(without.contains("TOKEN=$(flowruns token)"), "{without}");
        assert_eq!((with.lines().count(), without.lines().count()), (4, 4));
    }
}
