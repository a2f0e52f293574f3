//! `flowruns openapi`

use std::io::Write as _;

/// Prints what `/openapi.json` serves.
pub(crate) fn run() -> anyhow::Result<()> {
    let document = flowruns_api::openapi_json()?;
    let mut out = std::io::stdout().lock();
    out.write_all(document.as_bytes())?;
    Ok(out.flush()?)
}
