//! Whether standard output is a terminal, and its colours.

use std::{
    borrow::Cow,
    env,
    io::{self, IsTerminal as _},
};

use flowruns_client::Status;

/// What standard output is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    is_terminal: bool,
    has_colours: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Colour {
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
}

impl Terminal {
    /// Colours on a terminal that has them, unless NO_COLOR is set (https://no-color.org).
    pub(crate) fn of_stdout() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
        Self::new(is_terminal, is_terminal && !is_set("NO_COLOR") && !is_dumb)
    }

    pub(super) const fn new(is_terminal: bool, has_colours: bool) -> Self {
        Self { is_terminal, has_colours }
    }

    pub(crate) const fn is_terminal(self) -> bool {
        self.is_terminal
    }

    /// The text in a colour.
    pub(crate) fn paint(self, text: &str, colour: Option<Colour>) -> Cow<'_, str> {
        match colour {
            Some(colour) if self.has_colours && !text.is_empty() => {
                Cow::Owned(format!("\u{1b}[{}m{text}\u{1b}[0m", colour.code()))
            }
            _ => Cow::Borrowed(text),
        }
    }
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Dim => "2",
            Self::Red => "31",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Blue => "34",
        }
    }

    /// The colour of a status, which always stands beside its word.
    pub(crate) const fn of_status(status: &Status) -> Option<Self> {
        match status {
            Status::Running => Some(Self::Blue),
            Status::Completed => Some(Self::Green),
            Status::CompletedWithWarnings | Status::CompletedWithErrors => Some(Self::Yellow),
            Status::Failed => Some(Self::Red),
            _ => None,
        }
    }
}
