//! `llmlab run`: any program, with its LLM calls counted.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use clap::Args;
use llmlab::clock::SystemClock;
use llmlab::config::{self, environment_variable};
use llmlab::{Config, Llmlab, Options};

use crate::failure::{Failure, exit_code};
use crate::selection::project;

mod child;
mod receipt;
mod tap;

use receipt::Receipt;
use tap::Tap;

/// Run a program and say what its LLM calls cost
///
/// The program keeps the terminal, its output and its exit code; one line about the run follows on the standard error.
/// Programs of Python (3.10 or newer) and Node (18 or newer) with llmlab installed need no change. Not captured: `python
/// -I`, `-E` and `-S`, which refuse what an environment adds. With --json the line is JSON, on the standard error as well.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The feature that the calls belong to
    #[arg(long, value_name = "NAME")]
    feature: Option<String>,
    /// The user that the calls are made for
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The session or conversation
    #[arg(long, value_name = "NAME")]
    session: Option<String>,
    /// A tag of every call; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
    /// The project that pays
    #[arg(long, value_name = "NAME", value_parser = project)]
    project: Option<String>,
    /// No line at the end
    #[arg(long, short)]
    quiet: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// The program runs whatever is wrong with us: only wrong usage stops it.
pub(crate) fn execute(arguments: &Arguments, json: bool) -> Result<i32, Failure> {
    let Some((program, rest)) = arguments.command.split_first() else {
        return Err(Failure::usage("no program given; run: llmlab run python app.py"));
    };
    let mut command = Command::new(program);
    command.args(rest);
    let config = Config::load(Options::default());
    if config.as_ref().is_ok_and(|config| config.disabled) {
        return child::supervise(&mut command).map_err(|cause| not_started(program, &cause));
    }
    // Programs that never call `init` say in their log what they cannot use, and most logs are shown to nobody.
    let problem = match &config {
        Ok(config) => Llmlab::new(config.clone(), Arc::new(SystemClock)).err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    let home = home();
    label(&mut command, arguments, config.as_ref().ok())?;
    let run_id = environment_variable("LLMLAB_RUN_ID").filter(|id| !id.is_empty()).unwrap_or_else(new_run_id);
    command.env("LLMLAB_RUN_ID", &run_id);
    let tap = Tap::lay(home.as_deref());
    match &tap {
        Ok(tap) => tap.apply(&mut command),
        Err(cause) => say(&format!("no private directory can be made, so nothing is captured: {cause}")),
    }
    if let Some(problem) = problem {
        say(&problem);
    }

    let code = child::supervise(&mut command).map_err(|cause| not_started(program, &cause))?;
    if let (Some(home), Ok(tap), false) = (&home, &tap, arguments.quiet) {
        match Receipt::of(home, &run_id, code, || why_none(tap)) {
            Ok(receipt) => hand_over(&receipt, json),
            Err(error) => say(&format!("what the run cost cannot be told: {error}")),
        }
    }
    Ok(code)
}

/// The home as the program finds it, whatever directory it changes to.
fn home() -> Option<PathBuf> {
    config::home(&environment_variable).ok().and_then(|home| std::path::absolute(home).ok())
}

/// Hands on to whom the calls belong.
fn label(command: &mut Command, arguments: &Arguments, config: Option<&Config>) -> Result<(), Failure> {
    let labels = [
        ("LLMLAB_FEATURE", &arguments.feature),
        ("LLMLAB_USER", &arguments.user),
        ("LLMLAB_SESSION", &arguments.session),
        ("LLMLAB_PROJECT", &arguments.project),
    ];
    for (variable, label) in labels {
        if let Some(label) = label {
            command.env(variable, label);
        }
    }
    if environment_variable("LLMLAB_HOME").is_some_and(|home| !home.is_empty())
        && let Some(home) = home()
    {
        command.env("LLMLAB_HOME", home);
    }
    // As the home: the program may change its directory before it reads them.
    for variable in ["LLMLAB_PRICES", "LLMLAB_PROVIDERS"] {
        let path = environment_variable(variable).filter(|path| !path.is_empty());
        if let Some(path) = path.and_then(|path| std::path::absolute(path).ok()) {
            command.env(variable, path);
        }
    }
    if !arguments.tags.is_empty() {
        command.env("LLMLAB_TAGS", tags_text(config, &arguments.tags)?);
    }
    Ok(())
}

/// The tags that the program would have had, and over them those of the command line, in the form of `LLMLAB_TAGS`.
fn tags_text(config: Option<&Config>, given: &[(String, String)]) -> Result<String, Failure> {
    let configured = config.map(|config| config.attribution.tags.as_slice()).unwrap_or_default();
    let tags: std::collections::BTreeMap<_, _> = configured.iter().chain(given).cloned().collect();
    if let Some((key, value)) = tags.iter().find(|(key, value)| key.contains(',') || value.contains(',')) {
        return Err(Failure::usage(format!("the tag {key}={value} has a comma, which parts tags; leave it out")));
    }
    Ok(tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(","))
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err("a tag is KEY=VALUE, such as team=search".to_owned()),
    }
}

/// Unique without anybody's help, and no guess at who runs what.
fn new_run_id() -> String {
    let mut random = [0; 16];
    // A system without randomness still runs programs; its runs share a line.
    let _ = getrandom::fill(&mut random);
    format!("{:032x}", u128::from_be_bytes(random))
}

fn why_none(tap: &Tap) -> String {
    if let Some(program) = tap.unreached() {
        return format!("{program} cannot import llmlab");
    }
    match tap.clients().split_last() {
        Some((last, clients)) => {
            format!("the program called no known provider through {} or {last}", clients.join(", "))
        }
        None => "no Python or Node was started that can be tapped (python -I, -E and -S cannot)".to_owned(),
    }
}

fn not_started(program: &std::ffi::OsStr, cause: &io::Error) -> Failure {
    let shown = Path::new(program).display();
    let (exit_code, code, message) = match cause.kind() {
        io::ErrorKind::NotFound => {
            (exit_code::NOT_FOUND, "not_found", format!("{shown}: no such program; check its name and PATH"))
        }
        _ => (exit_code::NOT_EXECUTABLE, "not_executable", format!("{shown} cannot be executed: {cause}")),
    };
    Failure::Said { exit_code, code, message }
}

/// The standard output belongs to the program, so the line goes to the standard error, in JSON too.
fn hand_over(receipt: &Receipt, json: bool) {
    let mut stderr = anstream::stderr().lock();
    // Nobody is left to be told where the standard error is gone.
    let _ = if json {
        serde_json::to_string(receipt).map_err(io::Error::from).and_then(|line| writeln!(stderr, "{line}"))
    } else {
        writeln!(stderr, "{receipt}")
    };
}

/// Tells the user something that does not stop us.
pub(crate) fn say(problem: &str) {
    // As above.
    let _ = writeln!(anstream::stderr().lock(), "llmlab: {problem}");
}
