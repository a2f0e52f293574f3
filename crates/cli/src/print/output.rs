//! Standard output.

use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write as _};

use crate::exit::{Exit, Failure};

/// Standard output, buffered.
pub(crate) struct Output(BufWriter<StdoutLock<'static>>);

impl Output {
    pub(crate) fn new() -> Self {
        Self(BufWriter::new(io::stdout().lock()))
    }

    /// Writes a text.
    ///
    /// # Errors
    ///
    /// [`Exit::ReaderGone`] when nobody reads any longer, such as after `| head`.
    pub(crate) fn write(&mut self, text: &str) -> Result<(), Failure> {
        self.0.write_all(text.as_bytes()).map_err(failure)
    }

    /// Writes what is buffered.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.0.flush().map_err(failure)
    }
}

/// Writes one result.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    let mut output = Output::new();
    output.write(text)?;
    output.flush()
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failure(error: io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::new(Exit::ReaderGone, ""),
        _ => Failure::new(Exit::Failed, format!("the result cannot be written: {error}")),
    }
}
