//! Which report made which entry of a history.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The markers of each client, in the order of versions. A report carries as its marker a number that the client uses once, in
/// the member of statistics that has the client's name. Fails when a version is missing or an entry skips a marker.
pub fn markers_by_client(history: &[Value]) -> BTreeMap<String, Vec<u64>> {
    let mut markers: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (entry, version) in history.iter().zip(1..) {
        assert_eq!(entry["version"], json!(version));
        for change in entry["changes"].as_array().unwrap() {
            let property = change["property"].as_str().unwrap();
            let client = property.strip_prefix("statistics/");
            // Members that are not numbers only make a body large.
            if let (Some(client), Some(marker)) = (client, change["after"].as_u64()) {
                let markers = markers.entry(client.to_owned()).or_default();
                let before = change["before"].as_u64();
                assert_eq!(before, markers.last().copied(), "version {version}");
                markers.push(marker);
            }
        }
    }
    markers
}
