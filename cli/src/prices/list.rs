//! `llmlab prices list`: who and what has prices.

use std::io::Write;

use clap::Args;
use llmlab::catalogue::{Catalogue, Sheet};
use llmlab::provider;
use serde::Serialize;

use super::foot;
use crate::amount::count;
use crate::failure::Failure;
use crate::surroundings::Surroundings;
use crate::table::{Align, Table};

/// List the providers with prices, or the models of one with the prices in force
#[derive(Args)]
pub(super) struct Arguments {
    /// The provider; all of them if not given
    provider: Option<String>,
}

#[derive(Serialize)]
struct Provider {
    provider: String,
    models: usize,
}

pub(super) fn execute(arguments: &Arguments, surroundings: &Surroundings) -> Result<(), Failure> {
    let lab = Surroundings::client()?;
    let catalogue = lab.catalogue();
    let mut stdout = anstream::stdout().lock();
    match &arguments.provider {
        None => {
            let models = |provider: &String| catalogue.models(provider).map_or(0, |models| models.len());
            let providers = catalogue.providers().into_iter();
            let providers: Vec<_> =
                providers.map(|provider| Provider { models: models(&provider), provider }).collect();
            if surroundings.json {
                let version = catalogue.version();
                let providers = serde_json::to_string(&providers)?;
                writeln!(stdout, "{{\"catalogue_version\":{version},\"providers\":{providers}}}")?;
                return Ok(stdout.flush()?);
            }
            let mut table = Table::new([("provider", Align::Left), ("models", Align::Right)]);
            for provider in &providers {
                table.row([provider.provider.as_str().into(), count(provider.models as u64).into()]);
            }
            write!(stdout, "{table}")?;
        }
        Some(provider) => {
            let sheets = sheets(&catalogue, provider, surroundings.now_ns())?;
            if surroundings.json {
                let version = catalogue.version();
                let models = serde_json::to_string(&sheets)?;
                writeln!(stdout, "{{\"catalogue_version\":{version},\"models\":{models}}}")?;
                return Ok(stdout.flush()?);
            }
            write!(stdout, "{}", table(&sheets))?;
        }
    }
    foot(&lab, &mut stdout)?;
    Ok(stdout.flush()?)
}

/// Every model of a provider, with the prices in force only.
fn sheets(catalogue: &Catalogue, name: &str, now_ns: i64) -> Result<Vec<Sheet>, Failure> {
    let Some(models) = catalogue.models(name) else {
        let known = catalogue.providers().join(", ");
        return Err(Failure::said("unknown_provider", format!("{name:?} has no prices; known are {known}")));
    };
    let canonical = provider::by_name(name).map_or(name, |known| known.id);
    let mut sheets: Vec<_> = models.iter().filter_map(|id| catalogue.sheet(canonical, id, now_ns)).collect();
    for sheet in &mut sheets {
        sheet.periods.retain(|period| period.in_force);
    }
    Ok(sheets)
}

fn table(sheets: &[Sheet]) -> Table {
    const SHOWN: [&str; 3] = ["input", "output", "cache_read"];
    let mut table = Table::new([
        ("model", Align::Left),
        ("input", Align::Right),
        ("output", Align::Right),
        ("cache_read", Align::Right),
        ("", Align::Left),
    ]);
    for sheet in sheets {
        let prices = sheet.periods.first().map(|period| period.prices.as_slice()).unwrap_or_default();
        let standard = |dimension: &str| {
            let price = prices.iter().find(|price| price.terms == "standard" && price.dimension == dimension);
            price.map_or_else(String::new, |price| price.price.to_string())
        };
        let [input, output, cached] = SHOWN.map(standard);
        let others = prices.iter().filter(|price| price.terms != "standard" || !SHOWN.contains(&price.dimension));
        let others = match others.count() {
            0 => String::new(),
            number => format!("and {} more", count(number as u64)),
        };
        table.row([sheet.model.as_str().into(), input.into(), output.into(), cached.into(), others.into()]);
    }
    table
}
