//! `llmlab providers`: what is covered.

use std::io::Write;

use clap::Args;
use llmlab::Llmlab;
use llmlab::provider::{self, Provider};
use serde_json::{Value, json};

use crate::amount::count;
use crate::colour::{FAINT, HEADING};
use crate::failure::Failure;
use crate::surroundings::Surroundings;
use crate::table::{Align, Cell, Table, printable};

mod markdown;

/// Say which providers are covered
///
/// Those of the option `providers` and the hosts of the option `hosts` are among them. docs/providers.md says how to add
/// one.
#[derive(Args)]
pub(crate) struct Arguments {
    /// One of them, such as azure, in any spelling
    name: Option<String>,
    /// As a table in Markdown, for documents
    #[arg(long, conflicts_with_all = ["json", "name"])]
    markdown: bool,
}

pub(crate) fn execute(arguments: &Arguments, surroundings: &Surroundings) -> Result<(), Failure> {
    let lab = Surroundings::client()?;
    let covered: Vec<_> = provider::all().into_iter().map(|provider| Covered::of(&lab, provider)).collect();
    let mut stdout = anstream::stdout().lock();
    match &arguments.name {
        Some(name) => {
            let wanted = provider::by_name(name).ok_or_else(|| unknown(name))?;
            let Some(one) = covered.iter().find(|one| one.provider.id == wanted.id) else { return Err(unknown(name)) };
            if surroundings.json { writeln!(stdout, "{}", one.json())? } else { one.write(&mut stdout)? }
        }
        None if surroundings.json => {
            writeln!(stdout, "{}", json!({ "providers": covered.iter().map(Covered::json).collect::<Vec<_>>() }))?;
        }
        None if arguments.markdown => markdown::write(&covered, &mut stdout)?,
        None => write!(stdout, "{}", table(&covered))?,
    }
    Ok(stdout.flush()?)
}

fn unknown(name: &str) -> Failure {
    let known: Vec<_> = provider::all().into_iter().map(|provider| provider.id).collect();
    let message = format!("unknown provider {:?}; known are {}", printable(name), known.join(", "));
    Failure::said("unknown_provider", message)
}

/// What is known of a provider.
struct Covered {
    provider: &'static Provider,
    hosts: Vec<String>,
    operations: Vec<&'static str>,
    wires: Vec<&'static str>,
    priced_models: usize,
    is_registered: bool,
}

impl Covered {
    fn of(lab: &Llmlab, provider: &'static Provider) -> Self {
        Self {
            provider,
            hosts: provider::hosts_of(provider),
            operations: provider.operations().into_iter().map(llmlab::event::Operation::as_str).collect(),
            wires: provider.wires(),
            priced_models: lab.catalogue().models(provider.id).map_or(0, |models| models.len()),
            is_registered: !provider::PROVIDERS.iter().any(|builtin| builtin.id == provider.id),
        }
    }

    /// The wires by their names; a definition of the user's has one of its own.
    fn wire(&self) -> String {
        if self.wires.is_empty() && self.is_registered { "its own".to_owned() } else { self.wires.join(", ") }
    }

    fn json(&self) -> Value {
        json!({
            "id": self.provider.id,
            "title": self.provider.title,
            "docs": Some(self.provider.docs).filter(|docs| !docs.is_empty()),
            "aliases": self.provider.aliases,
            "hosts": self.hosts,
            "operations": self.operations,
            "wires": self.wires,
            "priced_models": self.priced_models,
            "registered": self.is_registered,
        })
    }

    fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        let mut table = Table::new([("", Align::Left), ("", Align::Left)]);
        let lists =
            [("hosts", self.hosts.join(", ")), ("operations", self.operations.join(", ")), ("wire", self.wire())];
        let also = self.provider.aliases.join(", ");
        let rows = [("also called", also)].into_iter().chain(lists).filter(|(_, text)| !text.is_empty());
        for (name, text) in rows.chain([("priced models", count(self.priced_models as u64))]) {
            table.row([Cell::styled(name, FAINT), text.into()]);
        }
        let Provider { id, title, .. } = self.provider;
        let title = if title == id { String::new() } else { format!("   {title}") };
        writeln!(out, "{HEADING}{id}{HEADING:#}{title}")?;
        write!(out, "{table}")
    }
}

fn table(covered: &[Covered]) -> Table {
    let (left, right) = (Align::Left, Align::Right);
    let columns = [("provider", left), ("priced models", right), ("wire", left), ("operations", left), ("hosts", left)];
    let mut table = Table::new(columns);
    for one in covered {
        let hosts = match &*one.hosts {
            [first, _, rest @ ..] => format!("{first} and {} more", rest.len() + 1),
            hosts => hosts.join(""),
        };
        table.row([
            one.provider.id.into(),
            count(one.priced_models as u64).into(),
            one.wire().into(),
            one.operations.join(", ").into(),
            Cell::styled(hosts, FAINT),
        ]);
    }
    table
}
