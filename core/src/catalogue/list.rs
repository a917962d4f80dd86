//! A published price list: the whole catalogue in one file, with a number that says which state of the prices it is.
//!
//! The first line is a header, `{"llmlab_prices":1,"version":20261121002}`; each other line is one of a price file
//! (`core/catalogue/README.md`) that begins with its provider, and the lines of a provider stand together. So a list is
//! parted by looking at the beginnings of its lines only, which is what a program that starts has time for.

use std::collections::HashSet;

use serde::Deserialize;

use super::line::Names;
use super::shelf::{self, Shelf};
use super::{VERSION, canonical};
use crate::error::{Error, ErrorCode, Result};

/// The form of the list; a newer one is refused.
const FORM: u64 = 1;
/// Versions are days and a number within the day, so that those of any two publishers can be compared.
const VERSIONS: std::ops::RangeInclusive<u64> = 20_200_101_000..=20_991_231_999;

/// A whole catalogue as one text.
#[derive(Debug)]
pub struct List {
    version: u64,
    shelves: Vec<Shelf>,
}

#[derive(Deserialize)]
struct Header {
    llmlab_prices: u64,
    version: u64,
}

impl List {
    /// A list is no longer; the built-in prices are half a megabyte.
    pub const MAX_BYTES: usize = 16 * 1024 * 1024;

    /// Parts a list that was read before, without reading its prices.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidPrices`] for what is no list.
    pub fn open(text: &str) -> Result<Self> {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let header: Header = serde_json::from_str(first).map_err(|cause| {
            refused("its first line is no header such as {\"llmlab_prices\":1,\"version\":20261121002}")
                .caused_by(cause)
        })?;
        if header.llmlab_prices != FORM {
            let theirs = header.llmlab_prices;
            return Err(refused(&format!("its form is {theirs} and this llmlab reads {FORM}; upgrade llmlab")));
        }
        if !VERSIONS.contains(&header.version) {
            return Err(refused(&format!("a version is YYYYMMDDnnn such as 20261121002, got {}", header.version)));
        }
        let mut shelves: Vec<Shelf> = Vec::new();
        let mut rest = rest;
        while !rest.trim_start().is_empty() {
            let provider = beginning(rest).ok_or_else(|| {
                let line: String = rest.trim_start().chars().take(60).collect();
                refused(&format!("a line begins with its provider, {{\"provider\":\"openai\",…, got {line:?}"))
            })?;
            let length = rest.split_inclusive('\n').take_while(|line| beginning(line) == Some(provider)).map(str::len);
            let (lines, others) = rest.split_at(length.sum());
            if shelves.iter().any(|shelf| shelf.provider == provider) {
                return Err(refused(&format!("the lines of {provider} do not stand together")));
            }
            shelves.push(Shelf::new(provider, lines));
            rest = others;
        }
        Ok(Self { version: header.version, shelves })
    }

    /// Reads a list to its end: every price of every line.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidPrices`], naming the model and the value that cannot be used.
    pub fn read(text: &str) -> Result<Self> {
        let list = Self::open(text)?;
        for shelf in &list.shelves {
            check(shelf).map_err(|why| refused(&format!("{}: {why}", shelf.provider)))?;
        }
        if list.models() == 0 {
            return Err(refused("it has no models"));
        }
        Ok(list)
    }

    /// The number of this state of the prices: `YYYYMMDDnnn`.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// How many models have prices.
    pub fn models(&self) -> usize {
        self.shelves.iter().map(|shelf| shelf.ids().count()).sum()
    }

    /// The built-in prices as a list of this version, to begin a list of one's own with. Lines of a price file replace
    /// those of the same provider and id, and follow where there are none.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidPrices`] where a line cannot be used.
    pub fn publish(version: Option<u64>, own: &str) -> Result<String> {
        let version = version.unwrap_or(VERSION);
        let mut text = format!("{{\"llmlab_prices\":{FORM},\"version\":{version}}}\n");
        let mut own: Vec<(String, String, String)> = own
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| own_line(line.trim()).map_err(|why| refused(&format!("{line}: {why}"))))
            .collect::<Result<_>>()?;
        for shelf in shelf::embedded() {
            let provider = &*shelf.provider;
            for line in shelf.text().lines() {
                let Ok(names) = serde_json::from_str::<Names<'_>>(line) else { continue };
                if !own.iter().any(|(owner, id, _)| owner == provider && *id == names.id) {
                    text.push_str(&with_provider(provider, line));
                }
            }
            for (_, _, line) in own.extract_if(.., |(owner, ..)| owner == provider) {
                text.push_str(&with_provider(provider, &line));
            }
        }
        own.sort();
        for (provider, _, line) in &own {
            text.push_str(&with_provider(provider, line));
        }
        Self::read(&text).map(|_| text)
    }

    pub(super) fn shelves(&self) -> &[Shelf] {
        &self.shelves
    }
}

/// The provider at the beginning of a line. Names of providers need no escapes.
fn beginning(line: &str) -> Option<&str> {
    let (provider, _) = line.strip_prefix("{\"provider\":\"")?.split_once('"')?;
    Some(provider).filter(|provider| !provider.is_empty() && !provider.contains(['\\', '\n']))
}

/// The provider and the id of a line, and the line without its provider.
fn own_line(line: &str) -> std::result::Result<(String, String, String), String> {
    let mut members: serde_json::Map<_, _> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let provider = members.remove("provider").ok_or("it lacks \"provider\"")?;
    let provider = canonical(provider.as_str().unwrap_or_default()).into_owned();
    let id = members.get("id").and_then(|id| id.as_str()).ok_or("it lacks \"id\"")?.to_owned();
    Ok((provider, id, serde_json::Value::Object(members).to_string()))
}

fn with_provider(provider: &str, line: &str) -> String {
    format!("{{\"provider\":\"{provider}\",{}\n", line.strip_prefix('{').unwrap_or(line))
}

fn check(shelf: &Shelf) -> std::result::Result<(), String> {
    if canonical(&shelf.provider) != shelf.provider {
        return Err(format!("the provider is spelled {:?}", canonical(&shelf.provider)));
    }
    let mut seen = HashSet::new();
    for line in shelf.text().lines() {
        shelf::parse(line).map_err(|why| format!("{}: {why}", line.chars().take(80).collect::<String>()))?;
        let names: Names<'_> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        for name in names.aliases.iter().chain([&names.id]) {
            if !seen.insert(name.to_ascii_lowercase()) {
                return Err(format!("the name {name:?} is listed twice"));
            }
        }
    }
    Ok(())
}

fn refused(why: &str) -> Error {
    Error::new(ErrorCode::InvalidPrices, format!("this is no price list that can be used: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "{\"llmlab_prices\":1,\"version\":20990101001}\n";

    fn line(provider: &str, id: &str) -> String {
        format!(
            "{{\"provider\":\"{provider}\",\"id\":\"{id}\",\"periods\":[{{\"rates\":{{\"standard\":{{\"input\":\"1\"}}}}}}]}}\n"
        )
    }

    #[test]
    fn the_built_in_prices_make_a_list_that_says_the_same() {
        let text = List::publish(None, "").unwrap();
        let list = List::read(&text).unwrap();
        assert_eq!(list.version(), VERSION);
        let (embedded, listed) = (shelf::embedded(), list.shelves());
        assert_eq!(embedded.len(), listed.len());
        for (one, other) in embedded.iter().zip(listed) {
            assert!(one.provider == other.provider && one.ids().eq(other.ids()));
        }
    }

    #[test]
    fn own_lines_replace_and_follow() {
        let own = line("openai", "gpt-4o-mini") + &line("our-gateway", "llama");
        let text = List::publish(Some(20_990_101_001), &own).unwrap();
        assert_eq!(text.matches("\"provider\":\"openai\",\"id\":\"gpt-4o-mini\",").count(), 1);
        let list = List::read(&text).unwrap();
        let gateway = list.shelves().last().unwrap();
        assert_eq!((&*gateway.provider, gateway.ids().collect::<Vec<_>>()), ("our-gateway", vec!["llama"]));
    }

    #[test]
    fn what_is_no_list_is_refused_and_says_why() {
        for (text, word) in [
            (String::new(), "header"),
            ("{\"llmlab_prices\":2,\"version\":20990101001}\n".to_owned(), "upgrade"),
            ("{\"llmlab_prices\":1,\"version\":7}\n".to_owned(), "YYYYMMDDnnn"),
            (HEADER.to_owned(), "no models"),
            (format!("{HEADER}{{\"id\":\"m\"}}"), "provider"),
            (HEADER.to_owned() + &line("a", "m") + &line("b", "m") + &line("a", "n"), "stand together"),
            (HEADER.to_owned() + &line("azure_openai", "m"), "\"azure\""),
            (HEADER.to_owned() + &line("a", "m") + &line("a", "M"), "twice"),
            (HEADER.to_owned() + &line("a", "m").replace("\"1\"", "\"-1\""), "-1"),
            (HEADER.to_owned() + "{\"provider\":\"a\",\"id\":\"m\",\"aliases\":[\"n\"]}", "periods"),
            (HEADER.to_owned() + &line("a", "m")[..50], "EOF"),
        ] {
            let error = List::read(&text).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidPrices);
            assert!(error.to_string().contains(word), "{text}: {error}");
        }
    }
}
