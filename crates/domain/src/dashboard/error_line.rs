//! The beginning of a blocking error, for lists.

use crate::id::RunKey;

/// The code of a run's blocking error, and the beginning of its message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ErrorLine {
    /// The run.
    pub run: RunKey,
    /// The first [`MAX_CHARS`](Self::MAX_CHARS) characters of the code.
    pub code: Option<String>,
    /// The first [`MAX_CHARS`](Self::MAX_CHARS) characters of the message.
    pub message: Option<String>,
    /// Whether code or message are longer.
    pub is_cut: bool,
}

impl ErrorLine {
    /// The greatest number of code points of the code, and of the message.
    pub const MAX_CHARS: usize = 200;

    /// The line of a code and a message, of which a store may omit all but the first [`MAX_CHARS`](Self::MAX_CHARS) + 1 characters.
    pub fn new(run: RunKey, code: Option<String>, message: Option<String>) -> Self {
        let (code, code_is_cut) = cut(code);
        let (message, message_is_cut) = cut(message);
        Self { run, code, message, is_cut: code_is_cut || message_is_cut }
    }
}

fn cut(text: Option<String>) -> (Option<String>, bool) {
    let Some(mut text) = text else {
        return (None, false);
    };
    let end = text.char_indices().nth(ErrorLine::MAX_CHARS).map(|(at, _)| at);
    if let Some(at) = end {
        text.truncate(at);
    }
    (Some(text), end.is_some())
}
