//! Where the play takes place: one home, one backend, and the programs that record there.

use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use clap::ValueEnum;

use super::journal::{Journal, Line};

const PROJECT: &str = "torture";
const RECORDER_PY: &str = include_str!("recorder.py");

/// The language of a recording program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Host {
    /// A program that links the Rust library
    Rust,
    /// A Python program that imports llmlab
    Python,
}

pub(super) struct Stage {
    pub(super) home: PathBuf,
    pub(super) host: Host,
    /// The interpreter of Python hosts.
    pub(super) python: PathBuf,
    /// Where the backend is.
    pub(super) url: String,
    /// Its key.
    pub(super) key: String,
}

impl Stage {
    /// Starts a program that records so many events on each of so many threads.
    pub(super) fn start(&self, name: &str, threads: u64, events: u64) -> io::Result<Recorder> {
        let mut command = match self.host {
            Host::Rust => {
                let mut command = self.ourselves()?;
                command.arg("torture-recorder");
                command
            }
            Host::Python => {
                let mut command = self.on_stage(Command::new(&self.python));
                command.args(["-c", RECORDER_PY]);
                command
            }
        };
        command.args([name, &threads.to_string(), &events.to_string()]);
        Recorder::start(&mut command)
    }

    /// This command, whether it is a program of its own or inside an interpreter.
    pub(super) fn ourselves(&self) -> io::Result<Command> {
        let command = match interpreter() {
            None => Command::new(std::env::current_exe()?),
            Some(python) => {
                let mut command = Command::new(python);
                command.args(["-m", "llmlab"]);
                command
            }
        };
        Ok(self.on_stage(command))
    }

    /// Nothing of the user's own configuration comes on the stage.
    fn on_stage(&self, mut command: Command) -> Command {
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"LLMLAB_")) {
            command.env_remove(name);
        }
        command.env("LLMLAB_HOME", &self.home).env("LLMLAB_PROJECT", PROJECT);
        command.env("LLMLAB_BACKEND", &self.url).env("LLMLAB_API_KEY", &self.key);
        command
    }
}

/// The interpreter in which this command runs, as it was called: where it leads to knows nothing of a virtual environment.
/// `None` for a program of its own.
pub(super) fn interpreter() -> Option<PathBuf> {
    let is_the_command =
        std::env::current_exe().is_ok_and(|path| path.file_stem().is_some_and(|stem| stem == "llmlab"));
    std::env::args_os().next().filter(|_| !is_the_command).map(PathBuf::from)
}

/// A running program.
pub(super) struct Recorder {
    child: Child,
    lines: Receiver<Line>,
    journal: Journal,
}

impl Recorder {
    fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (said, lines) = channel();
        if let Some(output) = child.stdout.take() {
            let listen = move || listen(output, &said);
            std::thread::Builder::new().name("llmlab-torture".to_owned()).spawn(listen)?;
        }
        Ok(Self { child, lines, journal: Journal::default() })
    }

    /// Notes what the program says for so long. `false`: it says nothing more, because it ended.
    pub(super) fn listen_for(&mut self, ns: u64) -> bool {
        self.listen_until(ns, |_| false).is_none_or(|reason| reason == RecvTimeoutError::Timeout)
    }

    /// Notes what the program says up to its first acknowledgement. `false`: there was none in this time.
    pub(super) fn listen_for_first(&mut self, ns: u64) -> bool {
        self.listen_until(ns, |line| matches!(line, Line::Acknowledged(..))).is_none()
    }

    /// `None`: the line that was waited for came.
    fn listen_until(&mut self, ns: u64, is_wanted: impl Fn(&Line) -> bool) -> Option<RecvTimeoutError> {
        let deadline = super::now_ns().saturating_add(ns);
        loop {
            let left = Duration::from_nanos(deadline.saturating_sub(super::now_ns()));
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    let is_wanted = is_wanted(&line);
                    self.journal.note(line);
                    if is_wanted {
                        return None;
                    }
                }
                Err(reason) => return Some(reason),
            }
        }
    }

    /// Kills the program where it stands. What it had said counts, to the last whole line.
    pub(super) fn kill(mut self) -> io::Result<(ExitStatus, Journal)> {
        self.child.kill()?;
        self.end()
    }

    /// Lets the program finish by itself.
    pub(super) fn finish(mut self) -> io::Result<(ExitStatus, Journal)> {
        drop(self.child.stdin.take());
        self.end()
    }

    fn end(mut self) -> io::Result<(ExitStatus, Journal)> {
        for line in &self.lines {
            self.journal.note(line);
        }
        Ok((self.child.wait()?, self.journal))
    }
}

fn listen(output: ChildStdout, said: &Sender<Line>) {
    let mut output = BufReader::new(output);
    let mut text = String::new();
    while output.read_line(&mut text).is_ok_and(|length| length > 0) {
        if Line::read(&text).is_some_and(|line| said.send(line).is_err()) {
            break;
        }
        text.clear();
    }
}
