//! Tokens of the local key, as an operator makes them: the server itself shows one on a terminal only.

use std::path::Path;

use crate::program::flowruns_in;

/// A token for the demo tenant with all permissions, valid for a day.
pub(crate) fn mint_token(data_folder: &Path) -> String {
    let output = flowruns_in(data_folder)
        .args(["token", "--ttl", "1day"])
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
