//! A page that a test changes, and tabs that show it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{body::Body, http::StatusCode, response::Response};
use flowruns_domain::{clock::Clock as _, id::TenantId, timestamp::Timestamp};
use flowruns_http::{
    Admission, AdmissionLimits, Draining, Limits, StreamingResponse, auth::Permission,
};
use flowruns_testing::{
    FixedClock,
    fixtures::{fresh_uuid, moment},
};
use http_body_util::BodyExt as _;

use crate::{
    links::Links,
    live::{
        Audience, Live, LiveError, LiveFragment, LiveLimits, LiveOptions, LivePage, LiveViews,
        StreamParameters, ViewKey,
    },
    visitor::Visitor,
};

pub(super) const ADDRESS: &str = "/ui/runs?status=failed";
const SECRET: &[u8] = b"a secret";
pub(super) const INTERVAL: Duration = Duration::from_secs(2);

/// What the next rendering does.
#[derive(Clone)]
pub(super) enum Answer {
    Page(LivePage),
    Fails,
    Panics,
    Hangs,
    Gone,
}

/// A page that a test changes; it counts how often it was rendered.
pub(super) struct ChangingPage {
    answer: Mutex<Answer>,
    renderings: AtomicUsize,
}

pub(super) struct Fixture {
    pub(super) live: Arc<Live>,
    pub(super) page: Arc<ChangingPage>,
    pub(super) admission: Arc<Admission>,
    pub(super) draining: Draining,
    pub(super) now: Timestamp,
}

/// An open stream, as the script of a page reads it.
pub(super) struct Tab {
    body: Body,
    unread: String,
}

/// An event of a stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Event {
    pub(super) kind: String,
    pub(super) data: String,
}

/// A page with one fragment for each text.
pub(super) fn page(texts: &[&str]) -> LivePage {
    let fragments = texts.iter().enumerate().map(|(number, text)| LiveFragment {
        id: format!("f{number}").into(),
        html: fragment(number, text),
    });
    LivePage {
        fragments: fragments.collect(),
        title: "Runs".to_owned(),
        summary: "2 runs.".to_owned(),
    }
}

/// The markup of a fragment of [`page`].
pub(super) fn fragment(number: usize, text: &str) -> String {
    format!("<p id=\"f{number}\">{text}</p>")
}

pub(super) fn event(kind: &str, data: &str) -> Event {
    Event { kind: kind.to_owned(), data: data.to_owned() }
}

impl ChangingPage {
    pub(super) fn set(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(super) fn show(&self, texts: &[&str]) {
        self.set(Answer::Page(page(texts)));
    }

    pub(super) fn renderings(&self) -> usize {
        self.renderings.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl LiveViews for ChangingPage {
    async fn render(&self, _audience: &Audience, _address: &str) -> Result<LivePage, LiveError> {
        self.renderings.fetch_add(1, Ordering::Relaxed);
        let answer = self.answer.lock().unwrap().clone();
        match answer {
            Answer::Page(page) => Ok(page),
            Answer::Fails => Err(LiveError::Failed("the store is away".into())),
            Answer::Panics => panic!("the page panics"),
            Answer::Hangs => std::future::pending().await,
            Answer::Gone => Err(LiveError::Gone),
        }
    }
}

impl Fixture {
    /// A server with the default limits, and a page of three fragments.
    pub(super) fn new() -> Self {
        Self::with_limits(LiveLimits::default())
    }

    pub(super) fn with_limits(limits: LiveLimits) -> Self {
        let clock = Arc::new(FixedClock::default());
        let now = clock.now();
        let admission =
            AdmissionLimits { requests: 4, bytes: 64 * 1024 * 1024, caller_percent: 100 };
        let admission = Arc::new(Admission::new(Limits { admission, ..Limits::default() }));
        let draining = Draining::default();
        let options = LiveOptions {
            limits,
            key: ViewKey::new(SECRET),
            clock,
            admission: Arc::clone(&admission),
            draining: draining.clone(),
        };
        let page = Arc::new(ChangingPage {
            answer: Mutex::new(Answer::Page(page(&["a", "b", "c"]))),
            renderings: AtomicUsize::new(0),
        });
        let views = Arc::clone(&page) as Arc<dyn LiveViews>;
        Self { live: Live::new(options, views), page, admission, draining, now }
    }

    /// A person with a new session of one hour.
    pub(super) fn visitor(&self, tenant: TenantId) -> Visitor {
        let end = self.now.date_time() + Duration::from_secs(3600);
        Visitor {
            tenant,
            actor: "ada".to_owned(),
            name: "Ada".to_owned(),
            permission: Permission::ReadRuns,
            expires_at: Timestamp::new(end).unwrap(),
            session: fresh_uuid(),
        }
    }

    /// Opens a stream of [`ADDRESS`] for a tab that shows these texts.
    pub(super) fn open(&self, visitor: &Visitor, texts: &[&str]) -> Tab {
        self.open_at(visitor, ADDRESS, texts)
    }

    pub(super) fn open_at(&self, visitor: &Visitor, address: &str, texts: &[&str]) -> Tab {
        self.open_with(visitor, &parameters(visitor, address, &page(texts)))
    }

    pub(super) fn open_with(&self, visitor: &Visitor, parameters: &StreamParameters) -> Tab {
        let response = self.live.open(visitor, audience(visitor), parameters).unwrap();
        Tab::new(response)
    }
}

/// The parameters of the stream of a page.
pub(super) fn parameters(visitor: &Visitor, address: &str, page: &LivePage) -> StreamParameters {
    ViewKey::new(SECRET).parameters(visitor, address, page)
}

/// The audience of a visitor behind no proxy.
pub(super) fn audience(visitor: &Visitor) -> Audience {
    Audience { tenant: visitor.tenant, permission: visitor.permission, links: Links::default() }
}

impl Tab {
    fn new(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(StreamingResponse::is_set(&response));
        Self { body: response.into_body(), unread: String::new() }
    }

    /// The next frame of the body, as text; `None` at its end.
    pub(super) async fn frame(&mut self) -> Option<String> {
        let frame = self.body.frame().await?.unwrap().into_data().unwrap();
        Some(String::from_utf8(frame.to_vec()).unwrap())
    }

    /// The next event; comments are skipped. `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((text, rest)) = self.unread.split_once("\n\n") {
                let event = Event::parse(text);
                self.unread = rest.to_owned();
                if event.is_some() {
                    return event;
                }
            }
            let frame = self.frame().await?;
            self.unread.push_str(&frame);
        }
    }

    /// Reads the events that arrive within some time.
    pub(super) async fn events_within(&mut self, time: Duration) -> Vec<Event> {
        let end = tokio::time::Instant::now() + time;
        let mut events = Vec::new();
        while let Ok(Some(event)) = tokio::time::timeout_at(end, self.next()).await {
            events.push(event);
        }
        tokio::time::sleep_until(end).await;
        events
    }

    /// Reads the state that a stream tells first.
    pub(super) async fn expect_live(&mut self) {
        assert_eq!(self.next().await, Some(event("state", "on\nlive")));
    }
}

impl Event {
    /// The event of some lines; `None` for a comment.
    fn parse(text: &str) -> Option<Self> {
        let mut kind = String::new();
        let mut data = Vec::new();
        for line in text.lines() {
            if let Some(value) = line.strip_prefix("event: ") {
                value.clone_into(&mut kind);
            } else if let Some(value) = line.strip_prefix("data: ") {
                data.push(value);
            } else {
                assert!(line.starts_with(':'), "{line}");
            }
        }
        // The third line of a state is the time.
        if kind == "state" && data.len() == 3 {
            let now = data.pop().unwrap_or_default();
            assert_eq!(now, moment().date_time().timestamp_millis().to_string());
        }
        (!kind.is_empty()).then(|| Self { kind, data: data.join("\n") })
    }
}
