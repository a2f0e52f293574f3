//! A token from the output of a command.

use std::{
    fmt,
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
#[derive(Clone)]
pub struct CommandToken(String);

/// A command may have a password in its arguments.
impl fmt::Debug for CommandToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandToken").finish_non_exhaustive()
    }
}

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
        // A caller that stops waiting ends the command too.
        let _killed = KillOnDrop(Arc::clone(&child));
        let output = tokio::task::spawn_blocking(move || output(&child));
        let output = match timeout(TIMEOUT, output).await {
            Ok(Ok(output)) => output,
            Ok(Err(panicked)) => Err(panicked.into()),
            Err(elapsed) => Err(elapsed.into()),
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

/// Ends the command if it still runs.
struct KillOnDrop(Arc<Mutex<Option<Child>>>);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let child = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = child {
            // It may have ended just now.
            let _ended = child.kill();
            let _status = child.wait();
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    async fn fetch(command: &str) -> Result<Token, TokenError> {
        CommandToken::new(command).fetch(Timestamp::default()).await
    }

    #[tokio::test]
    async fn a_command_is_ended_when_nobody_waits_for_its_token() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let command = format!("echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000", file.display());
        let command = CommandToken::new(command);
        let pid = async {
            while !file.exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            token = command.fetch(Timestamp::default()) => panic!("{token:?}"),
            () = pid => {}
        }
        let pid = std::fs::read_to_string(&file).unwrap();
        let status = Command::new("kill").args(["-0", pid.trim()]).stderr(Stdio::null()).status();
        assert!(!status.unwrap().success(), "the command {pid} still runs");
    }

    #[test]
    fn a_command_is_never_shown() {
        let command = CommandToken::new("curl -u me:secret-of-a-test https://a.example");
        assert!(!format!("{command:?}").contains("secret-of-a-test"));
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
