//! The events of a stream, as the HTML standard defines them for `text/event-stream`.

use bytes::Bytes;

/// Sent on a silent stream.
pub(super) const KEEP_ALIVE: Bytes = Bytes::from_static(b":\n\n");

/// What an event is for. The script of the pages knows these names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum EventKind {
    /// A fragment: the element that replaces the one with its id.
    Put,
    /// The title of the document.
    Title,
    /// A sentence for screen readers.
    Say,
    /// Whether the page is live, `on` or `off`; in a second line what to show; in a third one the time of the server in
    /// milliseconds, by which the script corrects its clock.
    State,
    /// The revision that the page has now, for the next stream.
    Revision,
    /// The stream ends; the data says why.
    Bye,
}

/// Why a stream ends, and what the script does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Bye {
    /// The server stops: the script opens a stream again after a random pause.
    Drain,
    /// The session has ended: the script loads the page, which renews the session or asks to sign in.
    Session,
    /// The fragments of the page are not those of the stream: the script loads the page, then opens a stream.
    Page,
    /// There are too many streams: the script tries again in a minute.
    Full,
}

impl EventKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Title => "title",
            Self::Say => "say",
            Self::State => "state",
            Self::Revision => "rev",
            Self::Bye => "bye",
        }
    }

    /// The bytes of an event. A line break in the data, of any kind, arrives as LF, as it does in HTML.
    pub(super) fn event(self, data: &str) -> Bytes {
        let mut event = String::with_capacity(data.len() + 32);
        event.push_str("event: ");
        event.push_str(self.name());
        event.push('\n');
        let data = data.replace("\r\n", "\n");
        for line in data.split(['\n', '\r']) {
            event.push_str("data: ");
            event.push_str(line);
            event.push('\n');
        }
        event.push('\n');
        event.into()
    }
}

impl Bye {
    pub(super) fn event(self) -> Bytes {
        EventKind::Bye.event(match self {
            Self::Drain => "drain",
            Self::Session => "session",
            Self::Page => "page",
            Self::Full => "full",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_break_becomes_a_line_of_data() {
        let event = EventKind::Put.event("<pre>a\r\nb\rc\nd</pre>");
        assert_eq!(event, "event: put\ndata: <pre>a\ndata: b\ndata: c\ndata: d</pre>\n\n");
        assert_eq!(EventKind::Say.event(""), "event: say\ndata: \n\n");
    }

    #[test]
    fn data_cannot_begin_another_event() {
        let event = EventKind::Put.event("x\n\nevent: bye\ndata: drain\n\n");
        let event = std::str::from_utf8(&event).unwrap();
        let lines: Vec<_> = event.strip_suffix("\n\n").unwrap().lines().collect();
        assert!(lines[1..].iter().all(|line| line.starts_with("data: ")), "{event}");
    }
}
