//! How a command fails: an exit code, and a message that names the value and the fix.

use std::io::{self, Write};

use crate::colour::{BAD, HEADING};

/// The exit codes, as `--help` promises them.
pub(crate) mod exit_code {
    pub(crate) const OK: i32 = 0;
    pub(crate) const FAILURE: i32 = 1;
    pub(crate) const USAGE: i32 = 2;
    pub(crate) const NOT_EXECUTABLE: i32 = 126;
    pub(crate) const NOT_FOUND: i32 = 127;
    #[cfg(unix)]
    pub(crate) const SIGNAL_BASE: i32 = 128;
}

#[derive(Debug)]
pub(crate) enum Failure {
    /// Whoever read our output has enough (`llmlab export | head`): not worth a word.
    ReaderGone,
    Said {
        exit_code: i32,
        code: &'static str,
        message: String,
    },
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Said { exit_code: exit_code::USAGE, code: "usage", message: message.into() }
    }

    pub(crate) fn said(code: &'static str, message: impl Into<String>) -> Self {
        Self::Said { exit_code: exit_code::FAILURE, code, message: message.into() }
    }

    /// A failure of the file system, with what was tried.
    pub(crate) fn storage(tried: &str, cause: &io::Error) -> Self {
        Self::said("storage", format!("{tried}: {cause}"))
    }

    /// Says on the standard error what went wrong and returns the exit code.
    pub(crate) fn tell(self, json: bool) -> i32 {
        match self {
            Self::ReaderGone => exit_code::OK,
            Self::Said { exit_code, code, message } => {
                let mut stderr = anstream::stderr().lock();
                // Nobody is left to be told where the standard error is gone.
                let _ = if json {
                    let error = serde_json::json!({ "error": { "code": code, "message": message } });
                    writeln!(stderr, "{error}")
                } else {
                    writeln!(stderr, "{HEADING}llmlab:{HEADING:#} {BAD}error:{BAD:#} {message}")
                };
                exit_code
            }
        }
    }
}

impl From<llmlab::Error> for Failure {
    fn from(error: llmlab::Error) -> Self {
        Self::said(error.code().as_str(), error.to_string())
    }
}

/// Only writing to the standard output fails with a bare I/O error; whatever touches files says what it tried.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::storage("the standard output cannot be written", &error),
        }
    }
}

/// Serialisation into the standard output fails only where the output does.
impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}
