//! The statements that requests execute, as sqlx reports them.

use std::{cell::RefCell, fmt::Debug, sync::Once};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    registry,
};

const TARGET: &str = "sqlx::query";
/// Text, rows written, rows read.
const FIELDS: [&str; 4] = ["summary", "db.statement", "rows_affected", "rows_returned"];

/// The statements that open a session; they belong to the pool and not to the request.
const SESSION_SETTINGS: [&str; 2] =
    ["set_config('synchronous_commit'", "SET client_connection_check_interval"];

thread_local! {
    /// `None` while nothing is recorded.
    static RECORDED: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Records what is executed on this thread, which is where a test's runtime executes everything.
pub(super) struct Recorder;

impl Recorder {
    pub(super) fn start() -> Self {
        // Installed for all threads: the interest of one thread's subscriber in an event also depends on the others.
        static LOG: Once = Once::new();
        LOG.call_once(|| tracing::subscriber::set_global_default(registry().with(Log)).unwrap());
        RECORDED.set(Some(Vec::new()));
        Self
    }

    /// The statements since the last call.
    pub(super) fn take(&self) -> Vec<String> {
        RECORDED.replace(Some(Vec::new())).unwrap()
    }
}

struct Log;

impl<S: Subscriber> Layer<S> for Log {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == TARGET && *metadata.level() <= Level::DEBUG
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        RECORDED.with_borrow_mut(|recorded| {
            if let Some(recorded) = recorded {
                let mut shown = Shown::default();
                event.record(&mut shown);
                if !SESSION_SETTINGS.iter().any(|setting| shown.0.contains(setting)) {
                    recorded.push(shown.0);
                }
            }
        });
    }
}

#[derive(Default)]
struct Shown(String);

impl Visit for Shown {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if FIELDS.contains(&field.name()) {
            self.0 += &format!("{}={value:?} ", field.name());
        }
    }
}
