//! The address of the page of a run.

use std::fmt;

use flowruns_domain::{
    id::{FlowId, RunId},
    version::Version,
};

use super::{BadAddress, Parameters, Query};

/// The run whose statistics stand beside those of the run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Against {
    /// The last good one for a run that failed, the one before for all others.
    #[default]
    Usual,
    /// The run before.
    Before,
    /// The last one before that completed, with or without warnings.
    Completed,
    /// This run of the same flow.
    Run(RunId),
}

impl Against {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "before" => Ok(Self::Before),
            "completed" => Ok(Self::Completed),
            id => id.parse().map(Self::Run).map_err(|_| {
                "It must be before, completed, or the id of a run of this flow.".to_owned()
            }),
        }
    }
}

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usual => Ok(()),
            Self::Before => f.write_str("before"),
            Self::Completed => f.write_str("completed"),
            Self::Run(run) => run.fmt(f),
        }
    }
}

/// The entries of the history that are shown: those that fit into a page, from one end of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HistoryPart {
    /// The last entry is that of this version, as `50`.
    UpTo(Version),
    /// The first entry is that of this version, as `from-51`.
    From(Version),
}

impl HistoryPart {
    const FROM: &str = "from-";

    fn from_text(text: &str) -> Result<Self, String> {
        let part = match text.strip_prefix(Self::FROM) {
            Some(text) => version(text).map(Self::From),
            None => version(text).map(Self::UpTo),
        };
        part.ok_or_else(|| {
            "It must be the number of a version, from 1, with or without from- before it."
                .to_owned()
        })
    }
}

impl fmt::Display for HistoryPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UpTo(version) => version.fmt(f),
            Self::From(version) => write!(f, "{}{version}", Self::FROM),
        }
    }
}

/// The address of the page of a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RunPageAddress {
    pub(crate) flow: FlowId,
    pub(crate) run: RunId,
    pub(crate) against: Against,
    /// Whether the statistics are left out that are the same.
    pub(crate) only_differences: bool,
    /// The entries of the history that are shown; `None` for the newest.
    pub(crate) history: Option<HistoryPart>,
}

impl RunPageAddress {
    /// The page without parameters.
    pub(crate) const fn new(flow: FlowId, run: RunId) -> Self {
        Self { flow, run, against: Against::Usual, only_differences: false, history: None }
    }

    /// Reads the query of an address.
    ///
    /// # Errors
    ///
    /// The parameters that are not understood.
    pub(crate) fn parse(flow: FlowId, run: RunId, query: Option<&str>) -> Result<Self, BadAddress> {
        let mut parameters = Parameters::of(query);
        let address = Self {
            flow,
            run,
            against: parameters.take("against", Against::from_text).unwrap_or_default(),
            only_differences: parameters.take("only", only).is_some(),
            history: parameters.take("history", HistoryPart::from_text),
        };
        parameters.finish(&Self::new(flow, run).path())?;
        Ok(address)
    }

    fn path(&self) -> String {
        format!("/ui/flows/{}/runs/{}", self.flow, self.run)
    }

    /// The page below another path, such as that of its JSON.
    fn below(&self, path: String) -> Query {
        let against = (self.against != Against::Usual).then_some(self.against);
        Query::new(path)
            .with("against", against)
            .with("only", self.only_differences.then_some("differences"))
            .with("history", self.history)
    }

    /// The address of the JSON of the page.
    pub(crate) fn json(&self) -> Query {
        self.below(format!("{}.json", self.path()))
    }

    /// The page beside another run.
    pub(crate) const fn with_against(self, against: Against) -> Self {
        Self { against, ..self }
    }

    /// The page with or without the statistics that are the same.
    pub(crate) const fn with_only_differences(self, only_differences: bool) -> Self {
        Self { only_differences, ..self }
    }

    /// The page with another part of the history.
    pub(crate) const fn with_history(self, history: Option<HistoryPart>) -> Self {
        Self { history, ..self }
    }
}

impl fmt::Display for RunPageAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.below(self.path()).fmt(f)
    }
}

fn only(text: &str) -> Result<(), String> {
    match text {
        "differences" => Ok(()),
        _ => Err("It must be differences, or left out.".to_owned()),
    }
}

fn version(text: &str) -> Option<Version> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain).and_then(Version::new)
}

#[cfg(test)]
mod tests {
    use flowruns_testing::fixtures::fresh_uuid;
    use proptest::{option, prelude::*};

    use super::*;

    fn run() -> RunId {
        RunId::new(fresh_uuid()).unwrap()
    }

    fn addresses() -> impl Strategy<Value = RunPageAddress> {
        let against = prop_oneof![
            Just(Against::Usual),
            Just(Against::Before),
            Just(Against::Completed),
            Just(()).prop_map(|()| Against::Run(run())),
        ];
        let version = || (1..=i64::MAX).prop_map(|number| Version::new(number).unwrap());
        let part = prop_oneof![
            version().prop_map(HistoryPart::UpTo),
            version().prop_map(HistoryPart::From),
        ];
        (against, any::<bool>(), option::of(part)).prop_map(
            |(against, only_differences, history)| RunPageAddress {
                flow: FlowId::new(fresh_uuid()).unwrap(),
                run: run(),
                against,
                only_differences,
                history,
            },
        )
    }

    proptest! {
        #[test]
        fn an_address_is_read_as_it_was_written(address in addresses()) {
            let text = address.to_string();
            let query = text.split_once('?').map(|(_, query)| query);
            prop_assert_eq!(RunPageAddress::parse(address.flow, address.run, query), Ok(address));
        }
    }

    #[test]
    fn malformed_parameters_are_named() {
        let flow = FlowId::new(fresh_uuid()).unwrap();
        for query in [
            "against=after",
            "against=00000000-0000-0000-0000-000000000000",
            "only=same",
            "history=0",
            "history=-1",
            "history=+7",
            "history=from-0",
            "history=from-",
            "history=99999999999999999999",
            "last=50",
        ] {
            let bad = RunPageAddress::parse(flow, run(), Some(query)).unwrap_err();
            assert_eq!(bad.faults.len(), 1, "{query}");
        }
    }
}
