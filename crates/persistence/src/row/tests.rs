//! The columns stand where rows are read by their places.

use super::*;
use crate::columns::{FLOW, LISTED_RUN, RECENT_RUN, RUN, RUN_WITH_DOCUMENTS};

#[test]
fn columns_are_read_at_their_places() {
    let summary = ["id", "display_name", "start_at", "end_at", "status", "version"];
    let listed = [&["flow_id"], &summary[..]].concat();
    let documents = ["blocking_error", "statistics"];
    let flow = [
        "id",
        "version",
        "display_name",
        "readiness_status",
        "data_domain",
        "effective_at",
        "expires_at",
    ];
    for (text, places) in [
        (&RUN, [&summary[..], &documents, &["created_at", "modified_at"]].concat()),
        (&RECENT_RUN, summary.to_vec()),
        (&LISTED_RUN, listed.clone()),
        (&RUN_WITH_DOCUMENTS, [&listed[..], &documents].concat()),
        (&FLOW, flow.to_vec()),
    ] {
        // An expression ends with its name.
        let names = text.split(", ").map(|column| column.rsplit(' ').next().unwrap());
        assert_eq!(names.collect::<Vec<_>>(), places);
    }
    assert_eq!(RUN.split(", ").count(), RUN_PLACES);
}

#[test]
fn a_number_counts_from_one() {
    let indexes = [1, 2, 0, -1, i64::MIN].map(index_of);
    assert_eq!(indexes, [Some(0), Some(1), None, None, None]);
}
