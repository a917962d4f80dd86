//! What a call would cost, as it crosses: one text, because that crosses more quickly than an object.

use std::fmt::{Display, Write};

use napi_derive::napi;

use llmlab::event::MatchedBy;
use llmlab::price::Cost;

/// What, beside model and counts, decides a price. Mostly there is nothing of it, and then it is not handed over.
#[napi(object, object_to_js = false)]
#[derive(Default)]
pub struct Terms {
    /// RFC 3339 text.
    pub at: Option<String>,
    pub service_tier: Option<String>,
    pub inference_geo: Option<String>,
    pub speed: Option<String>,
    pub search_context_size: Option<String>,
}

/// A field a line: total, state, how the model was found, version of the prices, charges, model. What is unknown is empty.
/// A charge is dimension, count, unit price and total, and each has a blank behind it. The model is last, because its name
/// may be of the user's and have anything in it.
pub(crate) fn to_text(cost: &Cost) -> String {
    const USUAL_BYTES: usize = 256;
    let mut text = String::with_capacity(USUAL_BYTES);
    put(&mut text, cost.total, '\n');
    put(&mut text, Some(cost.state.as_str()), '\n');
    put(&mut text, cost.matched_by.map(MatchedBy::as_str), '\n');
    put(&mut text, Some(cost.catalogue_version), '\n');
    for line in &cost.lines {
        put(&mut text, Some(line.dimension.name()), ' ');
        put(&mut text, Some(line.count), ' ');
        put(&mut text, line.unit_price, ' ');
        put(&mut text, Some(line.total), ' ');
    }
    text.push('\n');
    text.push_str(cost.model.as_deref().unwrap_or_default());
    text
}

fn put(text: &mut String, value: Option<impl Display>, end: char) {
    if let Some(value) = value {
        // Writing to a text never fails.
        let _ = write!(text, "{value}");
    }
    text.push(end);
}
