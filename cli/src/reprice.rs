//! `llmlab reprice`: recorded calls at the prices that are in force now for the time they were made.

use std::fmt::Write as _;
use std::io::Write;

use clap::Args;
use llmlab::ledger::{Repriced, RepricedModel, Repricing, Totals};
use llmlab::{Money, provider};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::amount::{count, counted};
use crate::failure::Failure;
use crate::prices::tell_of_damage;
use crate::selection::Selection;
use crate::spend;
use crate::surroundings::Surroundings;
use crate::table::{Align, Table};

/// Charge recorded calls anew, from their stored usage
///
/// By the prices in force here: the built-in ones or the price list, and your own, each as of the moment of the call. Costs
/// that a provider stated or your program gave are kept. It can be interrupted at any moment, and a second time changes
/// nothing. Only the ledger is changed: a backend and other sinks keep the cost that they were sent.
#[derive(Args)]
#[command(after_help = crate::time::HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    selection: Selection,
    /// Only calls of this provider
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Only calls that asked for this model, or were answered by it
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn execute(arguments: &Arguments, surroundings: &Surroundings) -> Result<(), Failure> {
    let provider = arguments.provider.as_ref();
    let provider = provider.map(|name| provider::by_name(name).map_or_else(|| name.clone(), |known| known.id.into()));
    let repricing = Repricing {
        filter: arguments.selection.filter(surroundings)?,
        provider,
        model: arguments.model.clone(),
        is_dry_run: arguments.dry_run,
    };
    let lab = Surroundings::client()?;
    tell_of_damage(surroundings);
    let repriced = lab.reprice(&repricing)?;
    let mut stdout = anstream::stdout().lock();
    if surroundings.json {
        let answer = Answer { repriced: &repriced, version: lab.catalogue().version(), dry_run: arguments.dry_run };
        writeln!(stdout, "{}", serde_json::to_string(&answer)?)?;
    } else {
        write!(stdout, "{}", page(&repriced, arguments.dry_run))?;
    }
    Ok(stdout.flush()?)
}

fn page(repriced: &Repriced, dry_run: bool) -> String {
    let mut page = String::new();
    let mut table = Table::new([
        ("model", Align::Left),
        ("calls", Align::Right),
        ("changed", Align::Right),
        ("cost", Align::Right),
        ("", Align::Left),
        ("", Align::Left),
    ]);
    let changed = || repriced.models.iter().filter(|model| model.changed > 0);
    for model in changed() {
        let name = format!(
            "{}/{}",
            model.provider.as_deref().unwrap_or("unknown provider"),
            model.model.as_deref().unwrap_or("unknown model")
        );
        table.row([
            name.into(),
            count(model.old.calls).into(),
            count(model.changed).into(),
            spend::cost(&model.old).into(),
            "→".into(),
            spend::cost(&model.new).into(),
        ]);
    }
    if changed().next().is_some() {
        // Writing to a string does not fail.
        let _ = writeln!(page, "{table}");
    }
    let would = if dry_run { "would be charged anew" } else { "were charged anew" };
    let (calls, of) = (counted(repriced.calls, "call"), count(repriced.changed));
    let _ = match repriced.changed {
        0 => writeln!(page, "Of {calls} none costs another amount."),
        _ => writeln!(page, "Of {calls} {of} {would}. The ledger only: other sinks keep what they were sent."),
    };
    if repriced.kept > 0 {
        let _ = writeln!(
            page,
            "Of {} the cost was stated by the provider or given by the program, and is kept.",
            counted(repriced.kept, "call")
        );
    }
    if repriced.beyond_reach > 0 {
        let _ = writeln!(
            page,
            "Of {} there are only totals, which keep their cost.",
            counted(repriced.beyond_reach, "call")
        );
    }
    page
}

struct Answer<'a> {
    repriced: &'a Repriced,
    version: u64,
    dry_run: bool,
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Repriced { calls, changed, kept, beyond_reach, models, .. } = self.repriced;
        let mut answer = serializer.serialize_struct("Repriced", 7)?;
        answer.serialize_field("calls", calls)?;
        answer.serialize_field("changed", changed)?;
        answer.serialize_field("kept", kept)?;
        answer.serialize_field("beyond_reach", beyond_reach)?;
        answer.serialize_field("models", &models.iter().map(Model).collect::<Vec<_>>())?;
        answer.serialize_field("catalogue_version", &self.version)?;
        answer.serialize_field("dry_run", &self.dry_run)?;
        answer.end()
    }
}

struct Model<'a>(&'a RepricedModel);

impl Serialize for Model<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut model = serializer.serialize_struct("Model", 6)?;
        model.serialize_field("provider", &self.0.provider)?;
        model.serialize_field("model", &self.0.model)?;
        model.serialize_field("calls", &self.0.old.calls)?;
        model.serialize_field("changed", &self.0.changed)?;
        model.serialize_field("old", &Sum(&self.0.old))?;
        model.serialize_field("new", &Sum(&self.0.new))?;
        model.end()
    }
}

/// Totals without the usage, which does not change.
struct Sum<'a>(&'a Totals);

impl Serialize for Sum<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Totals { priced, estimated, unpriced, .. } = self.0;
        let known: Option<Money> = self.0.known_cost();
        let mut sum = serializer.serialize_struct("Sum", 5)?;
        sum.serialize_field("cost_usd", &known)?;
        sum.serialize_field("cost_state", self.0.state().as_str())?;
        sum.serialize_field("priced", priced)?;
        sum.serialize_field("estimated", estimated)?;
        sum.serialize_field("unpriced", unpriced)?;
        sum.end()
    }
}
