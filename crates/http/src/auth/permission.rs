//! Permissions, least to most privileged; each includes those before it.

use std::fmt;

/// What a token allows.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Permission {
    /// To read.
    ReadRuns,
    /// To create, change and delete runs too.
    WriteRuns,
    /// To create, change and delete flows too.
    WriteFlows,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 3] = [Self::ReadRuns, Self::WriteRuns, Self::WriteFlows];

    /// The name in the claims `roles` and `scp`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadRuns => "IndustryData-Run.Read.All",
            Self::WriteRuns => "IndustryData-Run.ReadWrite.All",
            Self::WriteFlows => "IndustryData-InboundFlow.ReadWrite.All",
        }
    }

    /// The permission of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.name() == name)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
