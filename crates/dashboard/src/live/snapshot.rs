//! A page as a tick rendered it, and which parts of it a stream has sent.

use std::{fmt, str::FromStr, sync::Arc};

use aws_lc_rs::digest::{Context, SHA256};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{event::EventKind, view::LivePage};
use crate::{assets, view::time::without_ticking_texts};

/// The length of a digest in bytes: 8 characters of base64. Two versions of a part have the same digest once in 2⁴⁸ changes.
const DIGEST_LENGTH: usize = 6;
/// The largest number of parts of a page whose revision is accepted.
const MAX_PARTS: usize = 1024;

/// Identifies one version of one part of a page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Digest([u8; DIGEST_LENGTH]);

/// The version of each part of a page. In an address it is the base64 of the digests, without padding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Revision {
    /// The digest of the ids of the parts, and of the files of the page.
    shape: Digest,
    parts: Vec<Digest>,
}

/// The text is not a revision.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct InvalidRevision;

/// A page as it was rendered at one time.
#[derive(Debug)]
pub(super) struct Snapshot {
    revision: Revision,
    /// The event that sends each part, if it is kept.
    events: Vec<Option<Bytes>>,
    /// Returns the bytes of the events when they are dropped.
    _kept: Option<OwnedSemaphorePermit>,
}

/// What a stream sends next.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Change {
    /// Nothing: the page has everything.
    None,
    /// This event, of one part.
    Part(Bytes),
    /// A part whose event is not kept. The next tick keeps it if it is told that it is wanted.
    Wanted,
    /// The page has other parts.
    OtherPage,
}

impl Snapshot {
    /// The snapshot of a page. It keeps the events of the parts that differ from those of `before`, or all of them if
    /// `keep_all`.
    pub(super) fn new(page: &LivePage, before: Option<&Revision>, keep_all: bool) -> Self {
        let parts = parts(page);
        let revision = Revision::of_parts(page, &parts);
        let before = before.filter(|before| before.shape == revision.shape);
        let is_kept = |index: usize| {
            let known = before.and_then(|before| before.parts.get(index));
            keep_all || known != Some(&revision.parts[index])
        };
        let events = parts.iter().enumerate();
        let events = events.map(|(index, part)| is_kept(index).then(|| part.kind.event(part.data)));
        Self { events: events.collect(), revision, _kept: None }
    }

    /// The snapshot with its events if their bytes can be taken from `bytes`, and without them otherwise.
    pub(super) fn within(self, bytes: &Arc<Semaphore>) -> Self {
        let length = self.events.iter().flatten().map(Bytes::len).sum::<usize>();
        let wanted = u32::try_from(length).unwrap_or(u32::MAX);
        match Arc::clone(bytes).try_acquire_many_owned(wanted) {
            Ok(kept) => Self { _kept: Some(kept), ..self },
            Err(_exhausted) => Self { events: vec![None; self.events.len()], ..self },
        }
    }

    pub(super) const fn revision(&self) -> &Revision {
        &self.revision
    }

    /// What is sent next to a page that has the revision `sent`, which is updated. Parts are sent in their order; one that is
    /// not kept does not delay those after it.
    pub(super) fn next_change(&self, sent: &mut Revision) -> Change {
        if sent.shape != self.revision.shape || sent.parts.len() != self.events.len() {
            return Change::OtherPage;
        }
        let mut change = Change::None;
        let current = self.revision.parts.iter().zip(&self.events);
        for (sent, (current, event)) in sent.parts.iter_mut().zip(current) {
            match event {
                _ if sent == current => {}
                Some(event) => {
                    *sent = *current;
                    return Change::Part(event.clone());
                }
                None => change = Change::Wanted,
            }
        }
        change
    }
}

impl Revision {
    /// The revision of a page.
    pub(crate) fn of(page: &LivePage) -> Self {
        Self::of_parts(page, &parts(page))
    }

    fn of_parts(page: &LivePage, parts: &[Part<'_>]) -> Self {
        // With the names of the files that the page uses, so that a page of another version of the server is loaded again.
        let files = [assets::script_path().as_bytes(), assets::style_sheet_path().as_bytes()];
        let ids = page.fragments.iter().map(|fragment| fragment.id.as_bytes());
        Self {
            shape: Digest::of(files.into_iter().chain(ids).flat_map(|name| [name, b"\n"])),
            parts: parts.iter().map(Part::digest).collect(),
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digests = std::iter::once(&self.shape).chain(&self.parts);
        digests
            .map(|Digest(bytes)| URL_SAFE_NO_PAD.encode(bytes))
            .try_for_each(|text| f.write_str(&text))
    }
}

impl FromStr for Revision {
    type Err = InvalidRevision;

    fn from_str(text: &str) -> Result<Self, InvalidRevision> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidRevision)?;
        let (digests, rest) = bytes.as_chunks::<DIGEST_LENGTH>();
        let (shape, parts) = digests.split_first().ok_or(InvalidRevision)?;
        if !rest.is_empty() || parts.len() > MAX_PARTS {
            return Err(InvalidRevision);
        }
        Ok(Self { shape: Digest(*shape), parts: parts.iter().copied().map(Digest).collect() })
    }
}

impl Digest {
    /// The digest of the pieces of a text.
    fn of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut context = Context::new(&SHA256);
        for piece in pieces {
            context.update(piece);
        }
        let mut digest = [0; DIGEST_LENGTH];
        digest.copy_from_slice(&context.finish().as_ref()[..DIGEST_LENGTH]);
        Self(digest)
    }
}

/// A part of a page, as an event sends it.
struct Part<'a> {
    kind: EventKind,
    data: &'a str,
}

impl Part<'_> {
    fn digest(&self) -> Digest {
        Digest::of(without_ticking_texts(self.data).map(str::as_bytes))
    }
}

/// The fragments in their order, then the title and the summary.
fn parts(page: &LivePage) -> Vec<Part<'_>> {
    let fragments = page.fragments.iter();
    let fragments = fragments.map(|fragment| Part { kind: EventKind::Put, data: &fragment.html });
    let title = Part { kind: EventKind::Title, data: &page.title };
    let summary = Part { kind: EventKind::Say, data: &page.summary };
    fragments.chain([title, summary]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::live::view::LiveFragment;

    fn page(texts: &[&str]) -> LivePage {
        let fragments = texts.iter().enumerate().map(|(number, text)| LiveFragment {
            id: format!("f{number}").into(),
            html: (*text).to_owned(),
        });
        LivePage { fragments: fragments.collect(), ..LivePage::default() }
    }

    #[test]
    fn a_snapshot_keeps_the_markup_of_what_changed_only() {
        let first = Snapshot::new(&page(&["a", "b"]), None, false);
        let second = Snapshot::new(&page(&["a", "c"]), Some(first.revision()), false);
        let kept: Vec<_> = second.events.iter().map(Option::is_some).collect();
        assert_eq!(kept, [false, true, false, false]);
        let third = Snapshot::new(&page(&["a", "c"]), Some(second.revision()), true);
        assert!(third.events.iter().all(Option::is_some));
    }

    #[test]
    fn a_part_that_is_not_kept_is_wanted_and_the_others_are_sent() {
        let first = Snapshot::new(&page(&["a", "b"]), None, false);
        let second = Snapshot::new(&page(&["a", "c"]), Some(first.revision()), false);
        let mut sent = Revision::of(&page(&["old", "old"]));
        assert_eq!(second.next_change(&mut sent), Change::Part(EventKind::Put.event("c")));
        assert_eq!(second.next_change(&mut sent), Change::Wanted);
        let third = Snapshot::new(&page(&["a", "c"]), Some(second.revision()), true);
        assert_eq!(third.next_change(&mut sent), Change::Part(EventKind::Put.event("a")));
        assert_eq!(third.next_change(&mut sent), Change::None);
        assert_eq!(&sent, third.revision());
    }

    #[test]
    fn events_are_kept_while_there_are_bytes_for_them() {
        let bytes = Arc::new(Semaphore::new(100));
        let keep = || Snapshot::new(&page(&["0123456789"]), None, true).within(&bytes);
        let is_kept = |snapshot: &Snapshot| snapshot.events.iter().all(Option::is_some);
        let first = keep();
        assert!(is_kept(&first));
        let mut others: Vec<_> = (0..10).map(|_| keep()).collect();
        assert!(!is_kept(others.last().unwrap()));
        let mut sent = Revision::of(&page(&["old"]));
        assert_eq!(others.pop().unwrap().next_change(&mut sent), Change::Wanted);
        drop((first, others));
        assert_eq!(bytes.available_permits(), 100);
        assert!(is_kept(&keep()));
    }

    #[test]
    fn a_page_of_other_parts_is_another_page() {
        let snapshot = Snapshot::new(&page(&["a", "b"]), None, false);
        let shorter = Revision::of(&page(&["a"]));
        let forged = Revision { shape: snapshot.revision.shape, parts: Vec::new() };
        for mut sent in [shorter, forged] {
            assert_eq!(snapshot.next_change(&mut sent), Change::OtherPage);
        }
    }

    proptest! {
        #[test]
        fn a_revision_is_parsed_as_it_is_printed(texts in prop::collection::vec(".{0,20}", 0..30)) {
            let texts: Vec<_> = texts.iter().map(String::as_str).collect();
            let revision = Revision::of(&page(&texts));
            prop_assert_eq!(revision.to_string().parse(), Ok(revision));
        }

        #[test]
        fn any_text_is_a_revision_or_is_not(text in ".{0,100}") {
            if let Ok(revision) = text.parse::<Revision>() {
                prop_assert_eq!(revision.to_string(), text);
            }
        }
    }
}
