//! Flows and runs as arguments name them: by id, by address, or by the exact name of a flow.

use std::{convert::Infallible, str::FromStr};

use flowruns_client::{
    Error, FlowId, RunAddress, RunId, RunRecord,
    blocking::{Client, Flow},
};

use crate::exit::{Exit, Failure};

/// A flow: `0197f3a0-…`, `https://flowruns.example/ui/flows/0197f3a0-…`, an address of the API, or its display name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum FlowTarget {
    Id(FlowId),
    Name(String),
}

/// A run: `FLOW/RUN`, an address of the API or of the dashboard, or the id alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RunTarget {
    flow: Option<FlowTarget>,
    run: RunId,
}

/// The ids that an address has.
#[derive(Debug, Default)]
struct Keys {
    flow: Option<FlowId>,
    run: Option<RunId>,
}

impl FromStr for FlowTarget {
    type Err = Infallible;

    /// What is neither an id nor an address is a name.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let of_address = || Keys::of_address(text).flow;
        let id = text.parse().ok().or_else(of_address);
        Ok(id.map_or_else(|| Self::Name(text.to_owned()), Self::Id))
    }
}

impl FromStr for RunTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Keys { flow, run } = Keys::of_address(text);
        if let Some(run) = run {
            return Ok(Self { flow: flow.map(FlowTarget::Id), run });
        }
        let (flow, run) = match text.rsplit_once('/') {
            Some((flow, run)) => (flow.parse().ok(), run),
            None => (None, text),
        };
        let run = run.parse().map_err(|_| {
            "a run is FLOW/RUN, its address in the API or the dashboard, or its id, a hyphenated UUID".to_owned()
        })?;
        Ok(Self { flow, run })
    }
}

impl Keys {
    /// The ids in the path of an address: `incomingFlows/ID`, `incomingFlows('ID')`, `flows/ID`, and the same of runs. The last run
    /// counts, which is the one that `…/runs/A/process/runs/B` addresses. The server of an address is not used: what is sent goes to
    /// the configured server only.
    fn of_address(text: &str) -> Self {
        let mut keys = Self::default();
        let path = match text.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
            None => match text.strip_prefix('/') {
                Some(path) => path,
                None => return keys,
            },
        };
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let mut segments = path.split('/');
        while let Some(segment) = segments.next() {
            let segment = segment.replace("%27", "'").replace("%28", "(").replace("%29", ")");
            let (name, key) = match segment.split_once('(') {
                Some((name, key)) => {
                    (name, Some(key.trim_end_matches(')').trim_start_matches("id=")))
                }
                None => (&*segment, None),
            };
            match &*name.to_ascii_lowercase() {
                "incomingflows" | "flows" => {
                    let key = key.or_else(|| segments.next()).unwrap_or_default();
                    keys.flow = key.trim_matches('\'').parse().ok();
                }
                "runs" => {
                    let key = key.or_else(|| segments.next()).unwrap_or_default();
                    keys.run = key.trim_matches('\'').parse().ok();
                }
                _ => {}
            }
        }
        keys
    }
}

impl FlowTarget {
    /// The flow. A flow that is named by its id is not asked for: the server says at the next request if it does not exist.
    pub(crate) fn find(&self, client: &Client) -> Result<Flow, Failure> {
        match self {
            Self::Id(id) => Ok(client.flow_by_id(*id)),
            Self::Name(name) => Ok(client.flow(name)?),
        }
    }

    /// The flow, created if no flow has this name.
    pub(crate) fn find_or_create(&self, client: &Client) -> Result<Flow, Failure> {
        match self {
            Self::Id(_) => self.find(client),
            Self::Name(name) => Ok(client.create_flow(name)?),
        }
    }
}

impl RunTarget {
    /// The flow and the run. A run that is named by its id alone, or by the name of its flow, is asked for.
    pub(crate) fn address(&self, client: &Client) -> Result<RunAddress, Failure> {
        match &self.flow {
            Some(flow) => Ok(RunAddress { flow: flow.find(client)?.id(), run: self.run }),
            None => Ok(self.find_by_id(client)?.address),
        }
    }

    /// The flow and the run. `None` if the server does not have the run, or its flow by this name.
    pub(crate) fn find(&self, client: &Client) -> Result<Option<RunAddress>, Failure> {
        match self.read(client) {
            Ok(run) => Ok(Some(run.address)),
            Err(failure) if failure.exit() == Exit::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Reads the run.
    pub(crate) fn read(&self, client: &Client) -> Result<RunRecord, Failure> {
        match &self.flow {
            Some(_) => Ok(client.run(self.address(client)?)?),
            None => self.find_by_id(client),
        }
    }

    fn find_by_id(&self, client: &Client) -> Result<RunRecord, Failure> {
        client.find_run(self.run).map_err(|error| match error {
            Error::Refused(refusal) if refusal.status == 409 => {
                let addresses: Vec<_> =
                    refusal.faults.iter().map(|fault| fault.message.as_str()).collect();
                let addresses = addresses.join(", ");
                Failure::new(
                    Exit::Usage,
                    format!(
                        "several flows have a run with the id {}; name one of them: {addresses}",
                        self.run
                    ),
                )
            }
            error => error.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: &str = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e";
    const RUN: &str = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8f";
    const OTHER: &str = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d90";

    fn flow(text: &str) -> FlowTarget {
        text.parse().unwrap()
    }

    #[test]
    fn a_flow_is_an_id_an_address_or_a_name() {
        let id = FlowTarget::Id(FLOW.parse().unwrap());
        let addresses = [
            "https://a.example/ui/flows/ID?last=50#runs",
            "/ui/flows/ID",
            "/beta/industryData/incomingFlows('ID')",
        ];
        for address in ["ID"].iter().chain(&addresses) {
            assert_eq!(flow(&address.replace("ID", FLOW)), id, "{address}");
        }
        for name in ["Nightly rosters", "a/b", "https://a.example/", "", "flows/x"] {
            assert_eq!(flow(name), FlowTarget::Name(name.to_owned()));
        }
    }

    #[test]
    fn a_run_is_an_address_or_an_id_with_or_without_its_flow() {
        let expected = RunTarget {
            flow: Some(FlowTarget::Id(FLOW.parse().unwrap())),
            run: RUN.parse().unwrap(),
        };
        for text in [
            "FLOW/RUN",
            "https://a.example/ui/flows/FLOW/runs/RUN?against=before#v7",
            "https://a.example/tracker/beta/industryData/incomingFlows/FLOW/runs/RUN/",
            "/industryData/incomingFlows(%27FLOW%27)/runs(id='RUN')",
            "/industryData/incomingFlows/FLOW/runs/OTHER/process/runs/RUN",
            "/INDUSTRYDATA/INCOMINGFLOWS/FLOW/RUNS/RUN/history",
        ] {
            let text = text.replace("FLOW", FLOW).replace("RUN", RUN).replace("OTHER", OTHER);
            let text = text
                .replace(&format!("/{RUN}S/"), "/RUNS/")
                .replace(&format!("INCOMING{FLOW}S"), "INCOMINGFLOWS");
            assert_eq!(text.parse(), Ok(expected.clone()), "{text}");
        }
        let alone = RunTarget { flow: None, run: RUN.parse().unwrap() };
        assert_eq!(RUN.parse(), Ok(alone.clone()));
        assert_eq!(format!("https://a.example/industryData/runs/{RUN}").parse(), Ok(alone));
        let named: RunTarget = format!("Rosters a/b/{RUN}").parse().unwrap();
        assert_eq!(named.flow, Some(FlowTarget::Name("Rosters a/b".to_owned())));
        for text in [
            "",
            "x",
            FLOW.trim_end_matches('e'),
            "a/b",
            "https://a.example/ui",
            &format!("{FLOW}/"),
        ] {
            assert!(text.parse::<RunTarget>().is_err(), "{text}");
        }
    }
}
