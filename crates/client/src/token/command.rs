//! A token from the output of a command.

use std::{
    io::Read as _,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use flowruns_domain::timestamp::Timestamp;
use tokio::time::timeout;

use super::provider::{MAX_TOKEN_BYTES, Token, TokenError, TokenProvider};
use crate::JobError;

const TIMEOUT: Duration = Duration::from_secs(30);
const WHAT: &str = "the token command";

/// Runs a command in a shell, and takes what it prints to its standard output as the token. If that is a JWT, the command runs
/// again shortly before it expires.
///
/// The command has 30 seconds. Its standard error is that of this process.
#[derive(Clone, Debug)]
pub struct CommandToken(String);

impl CommandToken {
    /// A command for `sh -c` (on Windows for `cmd /C`).
    pub fn new(command: impl Into<String>) -> Self {
        Self(command.into())
    }

    fn spawn(&self) -> std::io::Result<Child> {
        let (shell, argument) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let mut command = Command::new(shell);
        command.arg(argument).arg(&self.0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()
    }
}

#[async_trait]
impl TokenProvider for CommandToken {
    async fn fetch(&self, _now: Timestamp) -> Result<Token, TokenError> {
        let child = self.spawn().map_err(|error| TokenError::unavailable(WHAT, error))?;
        let child = Arc::new(Mutex::new(Some(child)));
        let reader = Arc::clone(&child);
        let output = tokio::task::spawn_blocking(move || output(&reader));
        let output = match timeout(TIMEOUT, output).await {
            Ok(Ok(output)) => output,
            Ok(Err(panicked)) => Err(panicked.into()),
            Err(elapsed) => {
                end(&child);
                Err(elapsed.into())
            }
        };
        let text = output.map_err(|error| TokenError::unavailable(WHAT, error))?;
        Token::new(&text, WHAT)
    }
}

fn output(child: &Mutex<Option<Child>>) -> Result<String, JobError> {
    let lock = || child.lock().unwrap_or_else(PoisonError::into_inner);
    let stdout = lock().as_mut().and_then(|child| child.stdout.take());
    let stdout = stdout.ok_or("it has no standard output")?;
    let mut text = String::new();
    // The lock is free meanwhile, so that the process can be ended.
    stdout.take(MAX_TOKEN_BYTES as u64 + 1).read_to_string(&mut text)?;
    let mut child = lock().take().ok_or("it took too long")?;
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("it ended with {status}").into());
    }
    Ok(text)
}

fn end(child: &Mutex<Option<Child>>) {
    let child = child.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(mut child) = child {
        // It may have ended just now.
        let _ended = child.kill();
        let _status = child.wait();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    async fn fetch(command: &str) -> Result<Token, TokenError> {
        CommandToken::new(command).fetch(Timestamp::default()).await
    }

    #[tokio::test]
    async fn the_output_of_the_command_is_the_token() {
        let token = fetch("printf 'abc\\n'").await.unwrap();
        assert_eq!(token.bearer().to_str().unwrap(), "Bearer abc");
        assert!(matches!(fetch("true").await, Err(TokenError::Malformed { .. })));
        let error = fetch("echo abc; exit 3").await.unwrap_err();
        assert!(error.is_temporary());
        assert!(format!("{error:?}").contains("exit status: 3"), "{error:?}");
    }
}
