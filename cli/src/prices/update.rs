//! `llmlab prices update`: a published list in the place of the prices in force.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use llmlab::config::price_list;
use llmlab::pricelist::{Lists, Objection, Offer, PublicKey, Weighed};
use llmlab::{Config, Options};
use serde_json::json;

use super::diff::write_page;
use crate::failure::Failure;
use crate::surroundings::Surroundings;

/// Fetch a signed price list and use it from now on
///
/// The only command that asks for prices over the network; nothing does so by itself. Programs that run keep the prices
/// with which they started. There is no official server: a list is your company's, or made by `llmlab prices pack` and
/// `sign` (docs/prices.md).
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Arguments {
    /// Where the list is; its signature is there with `.sig` at the end. Else `prices_url` or `LLMLAB_PRICES_URL`
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// The publisher's public key. Else `prices_key` or `LLMLAB_PRICES_KEY`
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// With --from: a PEM file of certificate authorities to trust instead of the bundled ones
    #[arg(long, value_name = "FILE", requires = "from")]
    ca_file: Option<PathBuf>,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    /// Take a list that is not newer than the prices in force
    #[arg(long)]
    force: bool,
    /// Take a list that lacks many models, or in which prices change by more than a hundred times or to nothing
    #[arg(long)]
    accept_changes: bool,
    /// Go back to the prices before the last update; a second time undoes that
    #[arg(long, conflicts_with_all = ["from", "key", "dry_run", "force", "accept_changes"])]
    rollback: bool,
}

pub(super) fn execute(arguments: &Arguments, surroundings: &Surroundings) -> Result<(), Failure> {
    if arguments.rollback {
        return roll_back(surroundings);
    }
    let weighed = arguments.offer()?.weigh(&surroundings.home)?;
    let objections: Vec<_> =
        weighed.objections.iter().filter(|objection| !arguments.answers(objection)).map(ToString::to_string).collect();
    let is_taken = !weighed.is_in_force && objections.is_empty() && !arguments.dry_run;
    if is_taken {
        weighed.take(&surroundings.home, surroundings.now_ns())?;
    }
    tell(&weighed, is_taken, &objections, surroundings)?;
    if weighed.is_in_force || objections.is_empty() || arguments.dry_run {
        return Ok(());
    }
    Err(Failure::said("invalid_prices", format!("nothing was taken: {}", objections.join("; "))))
}

impl Arguments {
    fn offer(&self) -> Result<Offer, Failure> {
        let config = Config::load(Options::default())?;
        let endpoint = match &self.from {
            Some(url) => Some(price_list("--from", url, self.ca_file.clone())?),
            None => config.prices_url,
        };
        let endpoint = endpoint.ok_or_else(|| {
            Failure::usage("no address given; add --from URL, or set prices_url in config.json or LLMLAB_PRICES_URL")
        })?;
        let key = match &self.key {
            Some(text) => Some(PublicKey::parse("--key", text)?),
            None => config.prices_key,
        };
        let key = key.ok_or_else(|| {
            Failure::usage(
                "no key given, and an unsigned list is never taken; add --key KEY with the publisher's public key, or set \
                 prices_key in config.json or LLMLAB_PRICES_KEY",
            )
        })?;
        Ok(Offer::fetch(&endpoint, &key)?)
    }

    const fn answers(&self, objection: &Objection) -> bool {
        if objection.is_about_version() { self.force } else { self.accept_changes }
    }
}

fn tell(weighed: &Weighed, taken: bool, objections: &[String], surroundings: &Surroundings) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    if surroundings.json {
        let difference = serde_json::to_string(&weighed.difference)?;
        let (in_force, objections) = (weighed.is_in_force, json!(objections));
        writeln!(
            stdout,
            "{{\"taken\":{taken},\"in_force\":{in_force},\"objections\":{objections},\"difference\":{difference}}}"
        )?;
    } else if weighed.is_in_force {
        writeln!(stdout, "The list {} is in force already.", weighed.difference.new_version)?;
    } else {
        write_page(&weighed.difference, &mut stdout)?;
        if taken {
            let version = weighed.difference.new_version;
            writeln!(stdout, "\nThe list {version} is in force for every program that starts from now on.")?;
        }
    }
    Ok(stdout.flush()?)
}

fn roll_back(surroundings: &Surroundings) -> Result<(), Failure> {
    let kept = Lists::of(&surroundings.home).roll_back()?;
    let mut stdout = anstream::stdout().lock();
    let version = kept.map(|kept| kept.version);
    if surroundings.json {
        writeln!(stdout, "{}", json!({ "version": version }))?;
    } else {
        let what = version.map_or("What is built in".to_owned(), |version| format!("The list {version}"));
        writeln!(stdout, "{what} is in force for every program that starts from now on.")?;
    }
    Ok(stdout.flush()?)
}
