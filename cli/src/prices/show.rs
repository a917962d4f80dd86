//! `llmlab prices show`: everything that is known of one model.

use std::io::Write;

use clap::Args;
use llmlab::catalogue::{Sheet, SheetPeriod};
use serde::Serialize;
use serde_json::Value;

use super::{foot, source};
use crate::colour::{FAINT, HEADING};
use crate::failure::Failure;
use crate::price::{split_name, unknown};
use crate::surroundings::Surroundings;
use crate::table::{Align, Table, printable};
use crate::time::Time;

/// Show every price of a model: by dimension, tier, hour, and from when on
///
/// What is not listed follows: a dimension without a price costs what its whole does, a tier without one what the standard
/// one does, and above a number of input tokens holds what holds below.
#[derive(Args)]
#[command(after_help = crate::time::HELP)]
pub(super) struct Arguments {
    /// The model, such as openai/gpt-5-mini
    model: String,
    /// Mark the prices in force then; now if not given
    #[arg(long, value_name = "TIME")]
    at: Option<Time>,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    sheet: &'a Sheet,
    catalogue_version: u64,
    /// The price list; null for the built-in prices.
    source: Option<Value>,
}

pub(super) fn execute(arguments: &Arguments, surroundings: &Surroundings) -> Result<(), Failure> {
    let at = match &arguments.at {
        Some(time) => time.start_ns(&surroundings.now)?,
        None => surroundings.now_ns(),
    };
    let lab = Surroundings::client()?;
    let (provider, model) = match arguments.model.split_once('/') {
        // One of the user's own, of which the library knows nothing.
        Some((provider, model)) if lab.catalogue().models(provider).is_some() => (provider, model),
        _ => split_name(&arguments.model),
    };
    let Some(sheet) = lab.catalogue().sheet(provider, model, at) else {
        let nearest = lab.catalogue().nearest(Some(provider).filter(|name| !name.is_empty()), model);
        return Err(unknown(&arguments.model, &nearest));
    };
    let mut stdout = anstream::stdout().lock();
    if surroundings.json {
        let answer = Answer { sheet: &sheet, catalogue_version: lab.catalogue().version(), source: source(&lab) };
        writeln!(stdout, "{}", serde_json::to_string(&answer)?)?;
    } else {
        write_page(&sheet, model, &mut stdout)?;
        foot(&lab, &mut stdout)?;
    }
    Ok(stdout.flush()?)
}

fn write_page(sheet: &Sheet, asked: &str, output: &mut dyn Write) -> Result<(), Failure> {
    let name = printable(&format!("{}/{}", sheet.provider, sheet.model));
    write!(output, "{HEADING}{name}{HEADING:#}")?;
    if asked != sheet.model {
        write!(output, "  {FAINT}{} ({}){FAINT:#}", printable(asked), sheet.matched_by)?;
    }
    writeln!(output)?;
    if !sheet.aliases.is_empty() {
        writeln!(output, "  {FAINT}also {}{FAINT:#}", printable(&sheet.aliases.join(", ")))?;
    }
    for period in &sheet.periods {
        let from = period.from.as_deref().map_or("from ever".to_owned(), |from| format!("from {from}"));
        let in_force = if period.in_force { ", in force" } else { "" };
        writeln!(output, "\n  {from}{in_force}")?;
        let mut table = Table::new([("", Align::Left), ("", Align::Left), ("", Align::Right)]);
        for price in &period.prices {
            table.row([price.terms.as_str().into(), price.dimension.into(), price.price.to_string().into()]);
        }
        write!(output, "{table}")?;
        if let Some(provenance) = provenance(period) {
            writeln!(output, "  {FAINT}{provenance}{FAINT:#}")?;
        }
    }
    Ok(())
}

/// Who says so, by the names behind the letters of a price file, and why one of them was not believed.
fn provenance(period: &SheetPeriod) -> Option<String> {
    let text = |(name, value): (&String, &Value)| {
        let text = match (name.as_str(), value.as_str()) {
            ("sources", Some("L")) => "litellm".to_owned(),
            ("sources", Some("G")) => "genai-prices".to_owned(),
            ("sources", Some("LG")) => "litellm, genai-prices".to_owned(),
            (_, text) => text.map_or_else(|| value.to_string(), str::to_owned),
        };
        format!("{name} {}", printable(&text))
    };
    let told = period.provenance.iter().map(text).collect::<Vec<_>>().join("; ");
    Some(told).filter(|told| !told.is_empty())
}
