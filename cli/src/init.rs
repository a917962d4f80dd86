//! `llmlab init`: a `config.json` to begin with.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use llmlab::config::checked_name;
use serde_json::{Map, Value};
use tempfile::NamedTempFile;

use crate::colour::{FAINT, HEADING};
use crate::failure::Failure;
use crate::folder::create_private;
use crate::selection::project;
use crate::surroundings::Surroundings;

/// Write config.json into the home
///
/// Asks nothing, and is not needed: everything has a default. A file that says something else is only changed with
/// --force, which keeps the settings that are not named.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The project that pays
    #[arg(long, value_name = "NAME", value_parser = project)]
    project: Option<String>,
    /// Such as production
    #[arg(long, value_name = "NAME", value_parser = |name: &str| checked_name("environment", name.to_owned()))]
    environment: Option<String>,
    /// The name of the application
    #[arg(long, value_name = "NAME", value_parser = |name: &str| checked_name("service", name.to_owned()))]
    service: Option<String>,
    /// Change a file that is there
    #[arg(long)]
    force: bool,
}

pub(crate) fn execute(arguments: &Arguments, surroundings: &Surroundings) -> Result<(), Failure> {
    let path = surroundings.home.join("config.json");
    let present = read(&path).or_else(|problem| if arguments.force { Ok(None) } else { Err(problem) })?;
    let wanted = arguments.over(present.clone().unwrap_or_default());
    let is_new = present.as_ref() != Some(&wanted);
    if is_new {
        if present.is_some() && !arguments.force {
            let message = format!("{} says something else; change it there, or with --force", path.display());
            return Err(Failure::said("config_exists", message));
        }
        write(&path, &wanted)
            .map_err(|cause| Failure::storage(&format!("{} cannot be written", path.display()), &cause))?;
    }
    tell(&path, wanted, is_new, surroundings.json)
}

impl Arguments {
    fn over(&self, mut settings: Map<String, Value>) -> Map<String, Value> {
        let given = [("project", &self.project), ("environment", &self.environment), ("service", &self.service)];
        for (name, value) in given {
            if let Some(value) = value {
                settings.insert(name.to_owned(), Value::from(value.as_str()));
            }
        }
        settings.entry("project").or_insert_with(|| Value::from("default"));
        settings
    }
}

/// The settings that are there; `None` where there is no file.
fn read(path: &Path) -> Result<Option<Map<String, Value>>, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::storage(&format!("{} cannot be read", path.display()), &error)),
    };
    serde_json::from_str(&text).map(Some).map_err(|cause| {
        let message = format!("{} is no JSON object ({cause}); correct it, or replace it with --force", path.display());
        Failure::said("invalid_config", message)
    })
}

/// Programs may be reading the file, so it is replaced in one step. It may hold a key, so it is private.
fn write(path: &Path, settings: &Map<String, Value>) -> io::Result<()> {
    let home = path.parent().unwrap_or(Path::new("."));
    create_private(home)?;
    let mut file = NamedTempFile::new_in(home)?;
    serde_json::to_writer_pretty(&mut file, settings)?;
    file.write_all(b"\n")?;
    file.persist(path)?;
    Ok(())
}

fn tell(path: &Path, mut settings: Map<String, Value>, is_new: bool, json: bool) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    if json {
        settings.remove("api_key");
        writeln!(stdout, "{}", serde_json::json!({ "path": path, "written": is_new, "settings": settings }))?;
        return Ok(());
    }
    let what = if is_new { "Wrote" } else { "Nothing to change in" };
    writeln!(stdout, "{what} {}\n", path.display())?;
    writeln!(
        stdout,
        "  {HEADING}llmlab run python app.py{HEADING:#}   {FAINT}run a program and count its calls{FAINT:#}"
    )?;
    writeln!(stdout, "  {HEADING}llmlab status{HEADING:#}              {FAINT}what was spent{FAINT:#}")?;
    Ok(())
}
