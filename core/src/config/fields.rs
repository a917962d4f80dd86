//! The members of a JSON object that a user wrote, read with errors that name the option, the value and what would do.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::config::invalid;
use crate::error::Result;
use crate::sink::Secret;

/// An object of options.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    members: &'a Map<String, Value>,
    /// What goes before a member's name in errors; nothing at the outermost level.
    of: &'a str,
}

impl<'a> Fields<'a> {
    /// An object that may have these members only.
    pub(super) fn new(of: &'a str, members: &'a Map<String, Value>, known: &[&str]) -> Result<Self> {
        if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
            let place = if of.is_empty() { String::new() } else { format!(" of {of}") };
            return Err(invalid(format!("unknown option {name:?}{place}; known are {}", known.join(", "))));
        }
        Ok(Self { members, of })
    }

    /// A member that is there and not null.
    fn value(self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// The name of a member, for errors.
    pub(super) fn name(self, name: &str) -> String {
        if self.of.is_empty() { name.to_owned() } else { format!("{name} of {}", self.of) }
    }

    pub(super) fn read<T>(self, name: &str, read: impl Fn(&str, &Value) -> Result<T>) -> Result<Option<T>> {
        self.value(name).map(|value| read(&self.name(name), value)).transpose()
    }

    pub(super) fn text(self, name: &str) -> Result<Option<String>> {
        self.read(name, |option, value| {
            let wrong = || invalid(format!("{option} must be a string, got {value}"));
            value.as_str().map(str::to_owned).ok_or_else(wrong)
        })
    }

    /// A text that no error shows.
    pub(super) fn secret(self, name: &str) -> Result<Option<Secret>> {
        self.read(name, |option, value| {
            let wrong = || invalid(format!("{option} must be a string"));
            value.as_str().map(|text| Secret(text.to_owned())).ok_or_else(wrong)
        })
    }

    pub(super) fn flag(self, name: &str) -> Result<bool> {
        let flag = self.read(name, |option, value| {
            value.as_bool().ok_or_else(|| invalid(format!("{option} must be true or false, got {value}")))
        });
        Ok(flag?.unwrap_or(false))
    }

    pub(super) fn number(self, name: &str, least: u64, most: u64) -> Result<Option<u64>> {
        self.read(name, |option, value| whole_number(option, value, least, most))
    }

    /// An object of strings, none of which is shown in an error where they may be secrets.
    pub(super) fn texts(self, name: &str, are_secret: bool) -> Result<Option<BTreeMap<String, String>>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let option = self.name(name);
        let wrong = |got: &str| invalid(format!("{option} must be an object of strings{got}"));
        let Value::Object(members) = value else {
            return Err(wrong(&if are_secret { String::new() } else { format!(", got {value}") }));
        };
        let text = |(key, value): (&String, &Value)| match value {
            Value::String(text) => Ok((key.clone(), text.clone())),
            _ if are_secret => Err(wrong(&format!(", but {key} is none"))),
            other => Err(wrong(&format!(", got {other}"))),
        };
        members.iter().map(text).collect::<Result<_>>().map(Some)
    }
}

/// A number within bounds.
pub(super) fn whole_number(option: &str, value: &Value, least: u64, most: u64) -> Result<u64> {
    value
        .as_u64()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| invalid(format!("{option} must be a whole number from {least} to {most}, got {value}")))
}
