//! What a configuration adds to what the library knows: prices, names of models, providers and their hosts.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::config::{Config, ProviderFile};
use crate::error::{Error, ErrorCode, Result};
use crate::provider::{self, Definition};

/// The text of the price file.
pub(super) fn own_prices(config: &Config) -> Result<String> {
    let Some(path) = &config.prices else { return Ok(String::new()) };
    std::fs::read_to_string(path).map_err(|cause| {
        let message = format!("the price file {} cannot be read; correct `prices`", path.display());
        Error::new(ErrorCode::InvalidConfig, message).caused_by(cause)
    })
}

/// An error in the price file, with its name.
pub(super) fn of_prices(config: &Config, cause: Error) -> Error {
    let Some(path) = &config.prices else { return cause };
    Error::new(cause.code(), format!("the price file {} cannot be used; correct it", path.display())).caused_by(cause)
}

/// The catalogue with the other prices and names of a configuration. Registers its providers and hosts, which are those of
/// the process.
pub(super) fn apply(config: &Config, mut catalogue: Arc<Catalogue>) -> Result<Arc<Catalogue>> {
    if let Some(path) = config.providers.as_deref() {
        let file = ProviderFile::read(path)?;
        catalogue = of_file(file, catalogue).map_err(|cause| {
            Error::new(cause.code(), format!("{} cannot be used; correct it", path.display())).caused_by(cause)
        })?;
    }
    catalogue = name_models(&config.models, catalogue)?;
    map_hosts(&config.hosts)?;
    Ok(catalogue)
}

fn of_file(file: ProviderFile, mut catalogue: Arc<Catalogue>) -> Result<Arc<Catalogue>> {
    for definition in file.providers {
        provider::register(definition)?;
    }
    for (name, price) in &file.prices {
        let (provider, model) = parted("prices", name)?;
        catalogue = Arc::new(catalogue.with_price(provider, model, price)?);
    }
    catalogue = name_models(&file.models, catalogue)?;
    map_hosts(&file.hosts)?;
    Ok(catalogue)
}

fn name_models(models: &BTreeMap<String, String>, mut catalogue: Arc<Catalogue>) -> Result<Arc<Catalogue>> {
    for (name, model) in models {
        let (provider, name) = parted("models", name)?;
        catalogue = Arc::new(catalogue.with_name(provider, name, model)?);
    }
    Ok(catalogue)
}

/// The provider and the model: the first part has no slash, the second may.
fn parted<'a>(option: &str, name: &'a str) -> Result<(&'a str, &'a str)> {
    name.split_once('/').filter(|(provider, model)| !provider.is_empty() && !model.is_empty()).ok_or_else(|| {
        let message = format!("{option} must name PROVIDER/MODEL, such as \"azure/my-deployment\", got {name:?}");
        Error::new(ErrorCode::InvalidConfig, message)
    })
}

fn map_hosts(hosts: &BTreeMap<String, String>) -> Result<()> {
    for (host, name) in hosts {
        let Some(provider) = provider::by_name(name) else {
            let known: Vec<_> = provider::all().into_iter().map(|provider| provider.id).collect();
            let message = format!("hosts must lead to one of {}, got {name:?} for {host:?}", known.join(", "));
            return Err(Error::new(ErrorCode::InvalidConfig, message));
        };
        provider::register(Definition::of_host(provider, host))?;
    }
    Ok(())
}
