//! The publisher's side of `llmlab prices update`, docs/prices.md: a key, a list, a signature.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use llmlab::catalogue::List;
use llmlab::pricelist::SigningKey;
use serde_json::json;

use crate::failure::Failure;
use crate::surroundings::Surroundings;

/// Make a key to sign price lists with, and say its public half
#[derive(Args)]
pub(super) struct Keygen {
    /// The file of the secret half; it must not be there yet
    key_file: PathBuf,
}

/// Write the built-in prices as a list, with your own over them
#[derive(Args)]
pub(super) struct Pack {
    /// Your own prices, JSON lines as in `core/catalogue/`, each with its provider
    own: Option<PathBuf>,
    /// The number of the list, `YYYYMMDDnnn`; that of the built-in prices if not given
    #[arg(long, value_name = "NUMBER")]
    number: Option<u64>,
}

/// Sign a price list: writes FILE.sig
#[derive(Args)]
pub(super) struct Sign {
    /// The secret half of the key, PEM; `llmlab prices keygen` or `openssl genpkey -algorithm ed25519` make one
    key_file: PathBuf,
    /// The list
    file: PathBuf,
}

pub(super) fn keygen(arguments: &Keygen, surroundings: &Surroundings) -> Result<(), Failure> {
    let pem = SigningKey::generate()?;
    let public = SigningKey::from_pem(&pem)?.public().to_string();
    let path = &arguments.key_file;
    let mut file = secret_file().open(path).map_err(|cause| not_written(path, &cause))?;
    file.write_all(pem.as_bytes()).map_err(|cause| not_written(path, &cause))?;
    let mut stdout = anstream::stdout().lock();
    if surroundings.json {
        writeln!(stdout, "{}", json!({ "key_file": path, "public_key": public }))?;
    } else {
        writeln!(stdout, "{public}")?;
    }
    Ok(stdout.flush()?)
}

pub(super) fn pack(arguments: &Pack) -> Result<(), Failure> {
    let own = arguments.own.as_ref().map(|path| read(path)).transpose()?.unwrap_or_default();
    let own = String::from_utf8(own).map_err(|_| Failure::said("invalid_prices", "the prices are no text"))?;
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(List::publish(arguments.number, &own)?.as_bytes())?;
    Ok(stdout.flush()?)
}

pub(super) fn sign(arguments: &Sign, surroundings: &Surroundings) -> Result<(), Failure> {
    let pem = String::from_utf8(read(&arguments.key_file)?).unwrap_or_default();
    let (key, list) = (SigningKey::from_pem(&pem)?, read(&arguments.file)?);
    // Signed is what can be taken: a publisher hears of a slip before the readers do.
    let text = std::str::from_utf8(&list).map_err(|_| Failure::said("invalid_prices", "the price list is no text"))?;
    let (version, models) = List::read(text).map(|list| (list.version(), list.models()))?;
    let mut path = arguments.file.clone().into_os_string();
    path.push(".sig");
    let path = PathBuf::from(path);
    std::fs::write(&path, key.sign(&list)).map_err(|cause| not_written(&path, &cause))?;
    let mut stdout = anstream::stdout().lock();
    let public = key.public().to_string();
    if surroundings.json {
        let answer = json!({ "signature": path, "version": version, "models": models, "public_key": public });
        writeln!(stdout, "{answer}")?;
    } else {
        writeln!(stdout, "{}: version {version}, {models} models, key {public}", path.display())?;
    }
    Ok(stdout.flush()?)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|cause| Failure::storage(&format!("{} cannot be read", path.display()), &cause))
}

fn not_written(path: &Path, cause: &std::io::Error) -> Failure {
    Failure::storage(&format!("{} cannot be written", path.display()), cause)
}

fn secret_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}
