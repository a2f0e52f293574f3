//! The rows.

use std::collections::BTreeMap;

use flowruns_domain::{
    flow::Flow,
    id::{FlowId, FlowKey, RunKey},
    idempotency::{IdempotencyKey, KeyClaim, StoredKey},
    query::{ListedRun, RunDetails, RunScope},
    run::{Action, Run, RunEvent, RunSummary},
};

/// All rows.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// Flow ids are unique across tenants.
    pub(super) flows: BTreeMap<FlowId, Flow>,
    /// Deleted runs stay, so that their ids stay in use.
    pub(super) runs: BTreeMap<RunKey, RunWithHistory>,
    pub(super) keys: BTreeMap<IdempotencyKey, StoredKey>,
}

/// A run and its history, oldest first.
#[derive(Debug)]
pub(super) struct RunWithHistory {
    pub(super) run: Run,
    pub(super) events: Vec<RunEvent>,
}

impl RunWithHistory {
    pub(super) fn is_visible(&self) -> bool {
        self.events.last().is_none_or(|event| event.action != Action::Deleted)
    }

    pub(super) fn summary(&self) -> RunSummary {
        let Run { key, version, properties, .. } = &self.run;
        RunSummary {
            key: *key,
            version: *version,
            display_name: properties.display_name.clone(),
            start: properties.start,
            state: properties.state,
        }
    }
}

impl RunWithHistory {
    pub(super) fn listed(&self, with_details: bool) -> ListedRun {
        let properties = &self.run.properties;
        let details = with_details.then(|| RunDetails {
            blocking_error: properties.blocking_error.clone(),
            statistics: properties.statistics.clone(),
        });
        ListedRun { summary: self.summary(), details }
    }
}

impl Tables {
    /// The key of a claim, unless another attempt has claimed it since.
    pub(super) fn key_of(&mut self, claim: &KeyClaim) -> Option<&mut StoredKey> {
        let stored = self.keys.get_mut(&claim.key);
        stored.filter(|stored| stored.attempt == claim.attempt && stored.response.is_none())
    }

    /// The visible runs of a scope; `None` when the flow does not exist.
    pub(super) fn runs_in(&self, scope: RunScope) -> Option<impl Iterator<Item = &RunWithHistory>> {
        if let RunScope::Flow(flow) = scope {
            self.flow(flow)?;
        }
        let is_in = move |stored: &&RunWithHistory| match scope {
            RunScope::Flow(flow) => stored.run.key.flow_key() == flow,
            RunScope::Tenant(tenant) => stored.run.key.tenant == tenant,
        };
        let visible = self.runs.values().filter(|stored| stored.is_visible());
        Some(visible.filter(is_in))
    }

    pub(super) fn flow(&self, key: FlowKey) -> Option<&Flow> {
        self.flows.get(&key.flow).filter(|flow| flow.key == key)
    }

    pub(super) fn visible_run(&self, key: RunKey) -> Option<&RunWithHistory> {
        self.runs.get(&key).filter(|stored| stored.is_visible())
    }

    pub(super) fn visible_runs(&self, flow: FlowKey) -> impl Iterator<Item = &RunWithHistory> {
        let of_flow = move |stored: &&RunWithHistory| stored.run.key.flow_key() == flow;
        self.runs.values().filter(of_flow).filter(|stored| stored.is_visible())
    }
}
