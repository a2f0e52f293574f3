//! The names of the routes, as metrics and the log show them: without `/beta`, whatever form the keys have.

use axum::extract::MatchedPath;

const UNKNOWN: &str = "unknown";

/// Every template of the URL table, the busiest first, and at last what no route matched.
const ROUTES: [&str; 25] = [
    "/industryData/incomingFlows/{flow}/runs/{run}",
    "/industryData/incomingFlows/{flow}/runs/{run}/process/runs/{target}",
    "/industryData/incomingFlows/{flow}/runs",
    "/industryData/incomingFlows/{flow}/runs/{run}/process/runs",
    "/industryData/incomingFlows/{flow}/runs/$count",
    "/industryData/incomingFlows/{flow}/runs/{run}/process/runs/$count",
    "/industryData/incomingFlows/{flow}/runs/{run}/history",
    "/industryData/incomingFlows/{flow}/runs/{run}/process/runs/{target}/history",
    "/industryData/incomingFlows/{flow}/runs/{run}/process",
    "/industryData/incomingFlows",
    "/industryData/incomingFlows/$count",
    "/industryData/incomingFlows/{flow}",
    "/industryData/incomingFlows/{flow}/$metadata",
    "/industryData/runs",
    "/industryData/runs/$count",
    "/industryData/runs/{run}",
    "/industryData",
    "/$batch",
    "/$metadata",
    "/",
    "/openapi.json",
    "/docs",
    "/livez",
    "/readyz",
    UNKNOWN,
];

/// The name of a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RouteName(usize);

impl RouteName {
    /// How many there are.
    pub(super) const COUNT: usize = ROUTES.len();
    /// What no route matched.
    pub(super) const UNKNOWN: Self = Self(Self::COUNT - 1);

    /// That of a template.
    pub(super) fn of(matched: &MatchedPath) -> Self {
        Self::named(matched.as_str())
    }

    fn named(template: &str) -> Self {
        let name = match template.strip_prefix("/beta").unwrap_or(template) {
            "" => "/",
            "/docs/{file}" => "/docs",
            name => name,
        };
        let known = ROUTES.iter().position(|known| *known == name);
        known.map_or(Self::UNKNOWN, Self)
    }

    /// Its place in a table.
    pub(super) const fn index(self) -> usize {
        self.0
    }

    /// As the log and the metrics show it.
    pub(super) const fn as_str(self) -> &'static str {
        ROUTES[self.0]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The description has every route, so one that is added is missed here.
    #[test]
    fn every_route_that_is_described_has_a_name() {
        let document = crate::openapi_json().unwrap();
        let document: Value = serde_json::from_str(&document).unwrap();
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.len() > 15);
        for path in paths.keys() {
            let template = ["flowId", "runId2", "runId"]
                .iter()
                .zip(["flow", "target", "run"]);
            let template = template.fold(path.clone(), |path, (from, to)| path.replace(from, to));
            for root in ["", "/beta"] {
                let name = RouteName::named(&format!("{root}{template}"));
                assert_ne!(name, RouteName::UNKNOWN, "{path}");
            }
        }
    }

    #[test]
    fn both_roots_share_a_name_and_what_is_not_in_the_table_is_unknown() {
        assert_eq!(RouteName::named("/beta/"), RouteName::named("/"));
        assert_eq!(RouteName::named("/beta"), RouteName::named("/"));
        assert_eq!(RouteName::named("/docs/{file}").as_str(), "/docs");
        assert_eq!(RouteName::named("/nothing").as_str(), "unknown");
    }
}
