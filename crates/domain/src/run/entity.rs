//! The entity: a run, and its summary in lists.

use uuid::fmt::Simple;

use crate::{
    display_name::DisplayName,
    id::{RunId, RunKey},
    run::{properties::RunProperties, state::RunState},
    timestamp::Timestamp,
    version::{EntityTag, Version},
};

/// The length of most tags: two ids, two points, and a version below 10,000,000.
const TAG_BYTES: usize = 2 * Simple::LENGTH + 9;

/// One execution of a flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The key.
    pub key: RunKey,
    /// The version of the row.
    pub version: Version,
    /// When the server created it, by its own clock.
    pub created: Timestamp,
    /// When it got this version, by the server's clock. Never decreases.
    pub modified: Timestamp,
    /// The properties that a report may change.
    pub properties: RunProperties,
}

/// The properties of a run that need no JSON document to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    /// The key.
    pub key: RunKey,
    /// The version of the row.
    pub version: Version,
    /// The display name.
    pub display_name: DisplayName,
    /// When the run started.
    pub start: Timestamp,
    /// Status and end.
    pub state: RunState,
}

/// The entity tag of a version of a run. No other run, no other version and no flow has it.
pub fn run_tag(key: RunKey, version: Version) -> EntityTag {
    let mut tag = String::with_capacity(TAG_BYTES);
    let mut digits = [0; Simple::LENGTH];
    tag.push_str(key.flow.uuid().simple().encode_lower(&mut digits));
    tag.push('.');
    tag.push_str(key.run.uuid().simple().encode_lower(&mut digits));
    tag.push('.');
    tag.push_str(itoa::Buffer::new().format(version.number()));
    EntityTag::new(tag)
}

impl Run {
    /// The entity tag of this version.
    pub fn tag(&self) -> EntityTag {
        run_tag(self.key, self.version)
    }
}

impl RunSummary {
    /// The entity tag of this version.
    pub fn tag(&self) -> EntityTag {
        run_tag(self.key, self.version)
    }

    /// The id, unique within the flow.
    pub const fn id(&self) -> RunId {
        self.key.run
    }
}
