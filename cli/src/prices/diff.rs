//! `llmlab prices diff`: what would change.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use llmlab::catalogue::{Catalogue, Difference, List};
use llmlab::pricelist;

use crate::amount::count;
use crate::colour::{BAD, FAINT, HEADING};
use crate::failure::Failure;
use crate::surroundings::Surroundings;
use crate::table::{Align, Cell, Table};

/// A page shows so many of each kind; `--json` has them all.
const SHOWN: usize = 40;

/// Say what would change if other prices were in force
///
/// FILE is a price list, or a file of your own prices as `prices` takes it, which then stands in the place of the one that
/// you have.
#[derive(Args)]
pub(super) struct Arguments {
    /// The other prices
    #[arg(conflicts_with = "against")]
    file: Option<PathBuf>,
    /// Compare with prices that have no file
    #[arg(long, value_enum)]
    against: Option<Against>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Against {
    /// Those that are compiled in
    BuiltIn,
}

pub(super) fn execute(arguments: &Arguments, surroundings: &Surroundings) -> Result<(), Failure> {
    let lab = Surroundings::client()?;
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path)
            .map_err(|cause| Failure::storage(&format!("{} cannot be read", path.display()), &cause))
    };
    let own = lab.config().prices.as_ref().map(read).transpose()?.unwrap_or_default();
    let other = match (&arguments.file, arguments.against) {
        (None, None) => return Err(Failure::usage("nothing to compare with; give a file, or --against built-in")),
        (None, Some(Against::BuiltIn)) => Catalogue::with_overrides(&own)?,
        (Some(path), _) => {
            let text = read(path)?;
            if text.starts_with("{\"llmlab_prices\"") {
                Catalogue::of(Some(List::read(&text)?), &own)?
            } else {
                pricelist::catalogue(&surroundings.home, &text)?
            }
        }
    };
    let difference = lab.catalogue().difference(&other);
    let mut stdout = anstream::stdout().lock();
    if surroundings.json {
        writeln!(stdout, "{}", serde_json::to_string(&difference)?)?;
    } else {
        write_page(&difference, &mut stdout)?;
    }
    Ok(stdout.flush()?)
}

pub(super) fn write_page(difference: &Difference, output: &mut dyn Write) -> Result<(), Failure> {
    let Difference { old_version, new_version, old_models, new_models, .. } = difference;
    let (old, new) = (count(*old_models as u64), count(*new_models as u64));
    writeln!(output, "{HEADING}{old_version} → {new_version}{HEADING:#}, {old} → {new} models")?;
    if difference.is_empty() {
        writeln!(output, "\n  nothing changes")?;
    }
    for (word, names) in [("new models", &difference.added), ("models that go", &difference.removed)] {
        heading(word, names.len(), output)?;
        for name in names.iter().take(SHOWN) {
            writeln!(output, "  {}", crate::table::printable(name))?;
        }
        rest(names.len(), output)?;
    }
    heading("names that lead elsewhere", difference.renamed.len(), output)?;
    let mut table = Table::new([("", Align::Left), ("", Align::Left), ("", Align::Left)]);
    for renamed in difference.renamed.iter().take(SHOWN) {
        let new = renamed.new.as_deref().unwrap_or("nothing");
        table.row([renamed.name.as_str().into(), renamed.old.as_str().into(), format!("→ {new}").into()]);
    }
    write!(output, "{table}")?;
    rest(difference.renamed.len(), output)?;
    heading("prices that change", difference.changed.len(), output)?;
    write!(output, "{}", prices(difference))?;
    rest(difference.changed.len(), output)
}

fn prices(difference: &Difference) -> Table {
    let mut table = Table::new([("", Align::Left); 6]);
    // What may be a slip is not to be missed.
    let (leaps, others): (Vec<_>, Vec<_>) = difference.changed.iter().partition(|changed| changed.is_leap);
    for changed in leaps.into_iter().chain(others).take(SHOWN) {
        let text = |price: Option<_>| {
            price.map_or("unknown".to_owned(), |price: llmlab::catalogue::UnitPrice| price.to_string())
        };
        let terms = match &changed.from {
            Some(from) => format!("{}, from {from}", changed.terms),
            None => changed.terms.clone(),
        };
        let new = format!("→ {}", text(changed.new));
        let new = if changed.is_leap { Cell::styled(new, BAD) } else { new.into() };
        let mark = if changed.is_leap { Cell::styled("a leap", BAD) } else { "".into() };
        table.row([
            changed.model.as_str().into(),
            terms.into(),
            changed.dimension.into(),
            text(changed.old).into(),
            new,
            mark,
        ]);
    }
    table
}

fn heading(what: &str, number: usize, output: &mut dyn Write) -> Result<(), Failure> {
    if number > 0 {
        writeln!(output, "\n{what}: {}", count(number as u64))?;
    }
    Ok(())
}

fn rest(number: usize, output: &mut dyn Write) -> Result<(), Failure> {
    if number > SHOWN {
        let more = count((number - SHOWN) as u64);
        writeln!(output, "  {FAINT}and {more} more, which --json has{FAINT:#}")?;
    }
    Ok(())
}
