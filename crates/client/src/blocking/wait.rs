//! Blocks on futures and streams.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use futures_util::{Stream, StreamExt as _};

/// Blocks until a future is done. Everything that needs a runtime is done on the thread of the client.
pub(super) fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub(super) fn iterate<T>(stream: impl Stream<Item = T>) -> impl Iterator<Item = T> {
    let mut stream = Box::pin(stream);
    std::iter::from_fn(move || wait(stream.next()))
}
