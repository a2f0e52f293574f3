//! Logs panics.

use std::{
    panic::{self, PanicHookInfo},
    sync::Once,
    thread,
};

/// Logs every panic of the process in the format of the log. If the log does not show errors, for example before it starts, a
/// panic is printed as usual.
pub(super) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let former = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if tracing::enabled!(tracing::Level::ERROR) {
                log(info);
            } else {
                former(info);
            }
        }));
    });
}

fn log(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("no message");
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let current = thread::current();
    let name = current.name().unwrap_or("unnamed");
    tracing::error!(thread = name, location, panic = message, "a thread panicked");
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use serde_json::Value;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Buffer {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn a_panic_is_one_line_of_the_json_log() {
        install();
        let buffer = Buffer::default();
        let subscriber = tracing_subscriber::fmt().json().with_writer(buffer.clone());
        tracing::subscriber::with_default(subscriber.finish(), || {
            panic::catch_unwind(|| panic!("two\nlines {}", 7)).unwrap_err();
        });
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        let line: Value = serde_json::from_str(&text).unwrap();
        let fields = &line["fields"];
        assert_eq!(line["level"], "ERROR");
        assert_eq!(fields["message"], "a thread panicked");
        assert_eq!(fields["panic"], "two\nlines 7");
        let location = fields["location"].as_str().unwrap();
        assert!(location.contains("panics.rs:"), "{location}");
    }
}
