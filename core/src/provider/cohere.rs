//! Cohere: how its usage is read.

use crate::usage::{Dimension, Usage};
use crate::wire::{json, value};

/// `billed_units`, not the larger `tokens` beside it (<https://docs.cohere.com/reference/chat#response.body.usage>).
pub(super) fn usage(billed_units: &[u8]) -> Usage {
    let mut usage = Usage::new();
    for (key, raw) in json::members(billed_units) {
        match key {
            b"input_tokens" => usage.set_if(Dimension::Input, value::count(raw)),
            b"output_tokens" => usage.set_if(Dimension::Output, value::count(raw)),
            b"search_units" => usage.set_if(Dimension::RerankSearches, value::count(raw)),
            _ => {}
        }
    }
    usage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_billed_is_read() {
        let expected = Usage::new().with(Dimension::Input, 12).with(Dimension::Output, 3);
        assert_eq!(usage(br#"{"input_tokens":12,"output_tokens":3,"classifications":null}"#), expected);
    }
}
