//! A run that a person has chosen in a list, with the version that the list showed.

use std::{fmt, str::FromStr};

use flowruns_domain::{
    id::{FlowId, RunId, RunKey, TenantId},
    version::Version,
};

/// The value of a check box: `{flow}.{run}.{version}`. Ids are in lower case.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct ChosenRun {
    /// The flow.
    pub(crate) flow: FlowId,
    /// The run.
    pub(crate) run: RunId,
    /// The version that the person saw.
    pub(crate) version: Version,
}

/// The text is not a [`ChosenRun`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct InvalidChosenRun;

impl ChosenRun {
    /// The run of a key, as it was read.
    pub(crate) const fn new(key: RunKey, version: Version) -> Self {
        Self { flow: key.flow, run: key.run, version }
    }

    /// The key of the run in the visitor's tenant.
    pub(crate) const fn key(self, tenant: TenantId) -> RunKey {
        RunKey { tenant, flow: self.flow, run: self.run }
    }
}

impl fmt::Display for ChosenRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flow, run, version } = self;
        write!(f, "{flow}.{run}.{version}")
    }
}

impl FromStr for ChosenRun {
    type Err = InvalidChosenRun;

    fn from_str(text: &str) -> Result<Self, InvalidChosenRun> {
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().ok_or(InvalidChosenRun);
        let (flow, run, version) = (next()?, next()?, next()?);
        let flow = flow.parse().map_err(|_| InvalidChosenRun)?;
        let run = run.parse().map_err(|_| InvalidChosenRun)?;
        let is_number = version.bytes().all(|byte| byte.is_ascii_digit());
        let version = version.parse().ok().filter(|_| is_number);
        let version = version.and_then(Version::new).ok_or(InvalidChosenRun)?;
        Ok(Self { flow, run, version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str =
        "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e.0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8f.7";

    #[test]
    fn a_value_is_read_as_it_was_printed() {
        let chosen: ChosenRun = VALUE.parse().unwrap();
        assert_eq!(chosen.to_string(), VALUE);
        assert_eq!(VALUE.to_uppercase().parse(), Ok(chosen));
    }

    #[test]
    fn other_texts_choose_no_run() {
        let (two_ids, _) = VALUE.rsplit_once('.').unwrap();
        for text in [
            "",
            two_ids,
            &format!("{two_ids}."),
            &format!("{two_ids}.0"),
            &format!("{two_ids}.+1"),
            &format!("{two_ids}.-1"),
            &format!("{two_ids}.9223372036854775808"),
            &format!("{VALUE}.1"),
            &VALUE.replacen('.', "/", 1),
        ] {
            assert_eq!(text.parse::<ChosenRun>(), Err(InvalidChosenRun), "{text:?}");
        }
    }
}
