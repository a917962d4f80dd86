//! A home that goes with the test, and the command in it.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use llmlab::clock::{Clock, SystemClock};
use llmlab::event::{Call, Facts, Operation, Status, Subject};
use llmlab::{Config, Dimension, Llmlab, Options, Usage};
use tempfile::TempDir;

/// The variables that change what the command does; a test sets what it is about.
const VARIABLES: [&str; 23] = [
    "LLMLAB_API_KEY",
    "LLMLAB_BACKEND",
    "LLMLAB_DISABLED",
    "LLMLAB_ENVIRONMENT",
    "LLMLAB_FEATURE",
    "LLMLAB_HOSTS",
    "LLMLAB_MODELS",
    "LLMLAB_PRICES",
    "LLMLAB_PRICES_KEY",
    "LLMLAB_PRICES_URL",
    "LLMLAB_PROJECT",
    "LLMLAB_PROVIDERS",
    "LLMLAB_RUN_ID",
    "LLMLAB_RUN_PACKAGE",
    "LLMLAB_SERVICE",
    "LLMLAB_SESSION",
    "LLMLAB_SINKS",
    "LLMLAB_TAGS",
    "LLMLAB_USER",
    "CLICOLOR_FORCE",
    "NODE_OPTIONS",
    "NO_COLOR",
    "PYTHONPATH",
];

/// The long form of a test is wanted: `make soak`.
#[expect(clippy::disallowed_methods, reason = "how make tells its tests")]
pub(crate) fn is_soak() -> bool {
    std::env::var_os("LLMLAB_SOAK").is_some()
}

/// What is generated is to be written: `make docs`.
#[expect(clippy::disallowed_methods, reason = "how make tells its tests")]
pub(crate) fn is_regenerating() -> bool {
    std::env::var_os("LLMLAB_REGENERATE").is_some()
}

pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_llmlab"));
        for name in VARIABLES {
            command.env_remove(name);
        }
        command.env("LLMLAB_HOME", self.path()).env("TZ", "UTC").args(arguments);
        command
    }

    pub(crate) fn llmlab<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Answer {
        Answer::of(&mut self.command(arguments))
    }

    /// A client that records into this home.
    pub(crate) fn client(&self, options: &str) -> Llmlab {
        let home = self.path().to_str().unwrap().to_owned();
        let options = Options::from_json(options).unwrap();
        let config = Config::resolve(options, &|name| (name == "LLMLAB_HOME").then(|| home.clone())).unwrap();
        Llmlab::new(config, Arc::new(SystemClock)).unwrap()
    }

    /// Records calls as an application would, and ends it.
    pub(crate) fn record(&self, options: &str, calls: impl IntoIterator<Item = Facts>) {
        let lab = self.client(options);
        for facts in calls {
            lab.record(facts, None);
        }
        lab.shutdown(Duration::from_secs(30));
    }
}

/// A call of 1,000 input and 500 output tokens that began now.
pub(crate) fn call(provider: &'static str, model: &str) -> Facts {
    let mut call = Call::new(Operation::Chat);
    call.provider = Some(Cow::Borrowed(provider));
    call.model = Some(model.to_owned());
    call.usage = Usage::new().with(Dimension::Input, 1_000).with(Dimension::Output, 500);
    Facts {
        unix_ns: SystemClock.now().unix_ns,
        latency_ns: Some(1_500_000),
        status: Status::Ok,
        error_type: None,
        subject: Subject::Call(Box::new(call)),
    }
}

/// What the command said, and how it ended.
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr))
    }

    /// The command did what it was asked for, and complained of nothing.
    #[track_caller]
    pub(crate) fn well(self) -> Self {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self
    }
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}
