//! `llmlab price`: what a call would cost.

use std::io::Write;

use clap::Args;
use llmlab::price::{Cost, Query};
use llmlab::{Dimension, Money, Usage, provider};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::amount::count;
use crate::colour::{DOUBT, FAINT, HEADING, MONEY};
use crate::failure::Failure;
use crate::surroundings::Surroundings;
use crate::table::{Align, Cell, Table, printable};
use crate::time::Time;

/// Say what a call would cost, line by line
///
/// Counts are inclusive: input contains what is read from and written to a cache, output contains reasoning. The prices
/// are those of the given time, with your own prices (`prices` in config.json) before the built-in ones.
#[derive(Args)]
#[command(after_help = crate::time::HELP)]
pub(crate) struct Arguments {
    /// The model, such as gpt-5-mini or anthropic/claude-sonnet-4-6
    model: String,
    /// Input tokens, cached ones included
    #[arg(long, value_name = "N")]
    input: Option<u64>,
    /// Output tokens, reasoning included
    #[arg(long, value_name = "N")]
    output: Option<u64>,
    /// Input tokens read from a cache (`cache_read`)
    #[arg(long, value_name = "N")]
    cached: Option<u64>,
    /// Any other count, such as `cache_write_1h=2000` or `web_searches=3`; may be repeated
    #[arg(long = "usage", value_name = "NAME=N", value_parser = usage)]
    usages: Vec<(Dimension, u64)>,
    /// Who is called; told by the model's name if not given
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// The service tier
    #[arg(long, value_name = "NAME", value_parser = ["standard", "batch", "flex", "priority"])]
    tier: Option<String>,
    /// When; now if not given (of a day or month its start)
    #[arg(long, value_name = "TIME")]
    at: Option<Time>,
}

pub(crate) fn execute(arguments: &Arguments, surroundings: &Surroundings) -> Result<(), Failure> {
    let usage = arguments.usage();
    if usage.is_empty() {
        return Err(Failure::usage("no usage given; add for example --input 1000 --output 500"));
    }
    let (provider, model) = arguments.name();
    let unix_ns = match &arguments.at {
        Some(time) => time.start_ns(&surroundings.now)?,
        None => surroundings.now_ns(),
    };
    let lab = Surroundings::client()?;
    let query = Query::new(provider, model, &usage, unix_ns);
    let cost = lab.cost(&Query { service_tier: arguments.tier.as_deref(), ..query })?;
    if cost.model.is_none() {
        let nearest = lab.catalogue().nearest(Some(provider).filter(|name| !name.is_empty()), model);
        return Err(unknown(&arguments.model, &nearest));
    }
    let quote = Quote { cost: &cost, usage: &usage };
    let mut stdout = anstream::stdout().lock();
    if surroundings.json {
        writeln!(stdout, "{}", serde_json::to_string(&quote)?)?;
    } else {
        quote.write(&mut stdout)?;
    }
    Ok(stdout.flush()?)
}

impl Arguments {
    fn usage(&self) -> Usage {
        let mut usage = Usage::new();
        self.usages.iter().for_each(|&(dimension, count)| usage.set(dimension, count));
        usage.set_if(Dimension::Input, self.input);
        usage.set_if(Dimension::Output, self.output);
        usage.set_if(Dimension::CacheRead, self.cached);
        usage
    }

    fn name(&self) -> (&str, &str) {
        match &self.provider {
            Some(provider) => (provider, &self.model),
            None => split_name(&self.model),
        }
    }
}

/// `openai/gpt-5-mini` names both; the models of some providers have a slash of their own.
pub(crate) fn split_name(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((provider, model)) if provider::by_name(provider).is_some() => (provider, model),
        _ => ("", name),
    }
}

fn usage(text: &str) -> Result<(Dimension, u64), String> {
    let (name, count) = text.split_once('=').ok_or_else(|| "a count is NAME=N, such as reasoning=200".to_owned())?;
    let dimension = Dimension::from_name(name)
        .ok_or_else(|| format!("{name:?} is no usage; known are {}", Dimension::known_names()))?;
    Ok((dimension, count.parse().map_err(|_| format!("{name} must be a non-negative integer, got {count:?}"))?))
}

pub(crate) fn unknown(name: &str, nearest: &[String]) -> Failure {
    let hint = match nearest {
        [] => "name its provider with --provider, or give its price in a file (`prices` in config.json)".to_owned(),
        nearest => format!("nearest known: {}", nearest.join(", ")),
    };
    Failure::said("unknown_model", format!("{} has no price; {hint}", printable(name)))
}

/// Every digit: who asks for a price wants to add it up.
fn exact(amount: Money) -> String {
    format!("${amount}")
}

/// A cost, to be written.
struct Quote<'a> {
    cost: &'a Cost,
    usage: &'a Usage,
}

impl Quote<'_> {
    fn write(&self, output: &mut dyn Write) -> Result<(), Failure> {
        let cost = self.cost;
        writeln!(output, "{HEADING}{}{HEADING:#}\n", printable(cost.model.as_deref().unwrap_or_default()))?;
        let mut table = Table::new([
            ("", Align::Left),
            ("count", Align::Right),
            ("unit price", Align::Right),
            ("cost", Align::Right),
        ]);
        for line in &cost.lines {
            let unit_price = line.unit_price.map_or_else(String::new, exact);
            table.row([
                line.dimension.name().into(),
                count(line.count).into(),
                unit_price.into(),
                exact(line.total).into(),
            ]);
        }
        let total = cost.total.map_or("unknown".to_owned(), exact);
        table.row([Cell::styled("total", HEADING), "".into(), "".into(), Cell::styled(total, MONEY)]);
        write!(output, "{table}")?;
        match cost.state {
            llmlab::event::CostState::Priced => {}
            state => writeln!(output, "\n  {DOUBT}{state}: not all of it has a price{DOUBT:#}")?,
        }
        Ok(writeln!(output, "\n  {FAINT}catalogue {}{FAINT:#}", cost.catalogue_version)?)
    }
}

impl Serialize for Quote<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let cost = self.cost;
        let mut quote = serializer.serialize_struct("Quote", 7)?;
        quote.serialize_field("model", &cost.model)?;
        quote.serialize_field("usage", self.usage)?;
        quote.serialize_field("cost_usd", &cost.total)?;
        quote.serialize_field("cost_state", cost.state.as_str())?;
        quote.serialize_field("matched_by", &cost.matched_by.map(llmlab::event::MatchedBy::as_str))?;
        quote.serialize_field("lines", &cost.lines.iter().map(Line).collect::<Vec<_>>())?;
        quote.serialize_field("catalogue_version", &cost.catalogue_version)?;
        quote.end()
    }
}

struct Line<'a>(&'a llmlab::price::Line);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_struct("Line", 4)?;
        line.serialize_field("dimension", self.0.dimension.name())?;
        line.serialize_field("count", &self.0.count)?;
        line.serialize_field("unit_price_usd", &self.0.unit_price)?;
        line.serialize_field("cost_usd", &self.0.total)?;
        line.end()
    }
}
