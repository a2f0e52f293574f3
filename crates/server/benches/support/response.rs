//! As much of an HTTP answer as a closed loop needs.

use anyhow::{Context as _, bail};

/// Where an answer ends, and how it went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Head and body, in bytes.
    pub(crate) length: usize,
}

/// Reads the head at the start of what has come; `None` while it is not whole.
pub(crate) fn parse(bytes: &[u8]) -> anyhow::Result<Option<Head>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..end])?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status: u16 = status.context("no status line")?.parse()?;
    let body = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    });
    let Some(body) = body else {
        bail!("an answer without Content-Length: {head}");
    };
    let length = end + 4 + body.trim().parse::<usize>()?;
    Ok(Some(Head { status, length }))
}
