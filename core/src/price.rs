//! Usage times rates: what a call cost.
//!
//! The pure part of the promise "exact": integers only, one rounding (half to even) for a line whose rate does not
//! terminate, and `None`, never 0, for what is unknown.

use crate::catalogue::model::{ServiceTier, is_tokens};
use crate::catalogue::rate::{Factor, Rate};
use crate::catalogue::{Catalogue, Hit};
use crate::error::Result;
use crate::event::{CostState, MatchedBy};
use crate::money::Money;
use crate::usage::{Dimension, Usage};

mod charge;

/// What is to be priced.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Provider name in any spelling; empty: inferred from the model's name.
    pub provider: &'a str,
    /// The model as the provider, the SDK or `LiteLLM` spells it.
    pub model: &'a str,
    /// What was used; absent counts are 0.
    pub usage: &'a Usage,
    /// When the call was made, in nanoseconds since 1970: the price is the one in force then.
    pub unix_ns: i64,
    /// `standard`, `batch`, `flex`, `priority`…; `None` is standard.
    pub service_tier: Option<&'a str>,
    /// The region that inference was bound to, such as `us`.
    pub inference_geo: Option<&'a str>,
    /// `fast`, where the provider has it.
    pub speed: Option<&'a str>,
    /// `low`, `medium` or `high`; `None` is the provider's default.
    pub search_context_size: Option<&'a str>,
}

impl<'a> Query<'a> {
    /// A standard call.
    pub const fn new(provider: &'a str, model: &'a str, usage: &'a Usage, unix_ns: i64) -> Self {
        let (service_tier, inference_geo, speed, search_context_size) = (None, None, None, None);
        Self { provider, model, usage, unix_ns, service_tier, inference_geo, speed, search_context_size }
    }
}

/// What a query costs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// The sum of the lines; `None` exactly when the state is unpriced.
    pub total: Option<Money>,
    /// One for every dimension that was used and has a price, in the order of dimensions.
    pub lines: Vec<Line>,
    /// Estimated when something that was used has no price, or the service tier is an unknown word.
    pub state: CostState,
    /// The model's id in the catalogue; `None` if it is unknown.
    pub model: Option<String>,
    /// How the model was found.
    pub matched_by: Option<MatchedBy>,
    /// Which state of the prices this is.
    pub catalogue_version: u64,
}

/// One dimension of a cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// What was counted.
    pub dimension: Dimension,
    /// How many, parts that have a line of their own left out: the lines are disjoint.
    pub count: u64,
    /// The price of one; `None` where that does not terminate within 18 decimals.
    pub unit_price: Option<Money>,
    /// The charge.
    pub total: Money,
}

/// What, beside the usage, decides a price.
#[derive(Clone, Copy)]
struct Terms<'a> {
    unix_ns: i64,
    service_tier: Option<&'a str>,
    inference_geo: Option<&'a str>,
    speed: Option<&'a str>,
    search_context_size: Option<&'a str>,
}

impl Terms<'_> {
    /// The service tier, and whether its word is known. A known tier without rates has the standard ones by rule; an
    /// unknown word may mean any price.
    fn tier(&self) -> (ServiceTier, bool) {
        if self.speed.is_some_and(|speed| speed.eq_ignore_ascii_case("fast")) {
            return (ServiceTier::Fast, true);
        }
        let word = self.service_tier.unwrap_or_default();
        ServiceTier::from_word(word).map_or((ServiceTier::Standard, false), |tier| (tier, true))
    }
}

/// A sum, and whether it is all.
struct Bill {
    total: Money,
    /// Everything that was used has a price.
    complete: bool,
    /// Something that was used has a price, or nothing was used.
    any: bool,
}

impl Bill {
    const fn state(&self) -> CostState {
        match (self.any, self.complete) {
            (false, _) => CostState::Unpriced,
            (true, false) => CostState::Estimated,
            (true, true) => CostState::Priced,
        }
    }
}

/// Charges the leaves of a usage. Allocates nothing; `line` is told of every charge.
fn bill(
    hit: &Hit,
    usage: &Usage,
    terms: &Terms<'_>,
    mut line: impl FnMut(Dimension, u64, Rate, Factor, Money),
) -> Result<Bill> {
    let leaves = usage.leaves()?;
    let (tier, tier_is_known) = terms.tier();
    let nothing = Bill { total: Money::ZERO, complete: false, any: false };
    let Some(period) = hit.model.period_at(terms.unix_ns) else { return Ok(nothing) };
    let steps = period.steps(tier, terms.unix_ns);
    let Some(table) = steps.and_then(|steps| steps.table(usage.count(Dimension::Input))) else { return Ok(nothing) };
    let factor = period.factor(terms.inference_geo);
    let mut bill = Bill { total: Money::ZERO, complete: tier_is_known, any: false };
    let mut missing = false;
    let mut tokens_missing = false;
    for dimension in Dimension::ALL {
        let count = leaves.count(dimension);
        if count == 0 {
            continue;
        }
        let by_size = period.fee_by_size(dimension, terms.search_context_size);
        if let Some(rate) = by_size.or(table[dimension as usize]) {
            let factor = if is_tokens(dimension) { factor } else { Factor::ONE };
            let total = rate.charge(count, factor);
            line(dimension, count, rate, factor, total);
            bill.total += total;
            bill.any = true;
        } else if is_tokens(dimension) {
            tokens_missing = true;
        } else if dimension != Dimension::Requests {
            // Requests are always counted and hardly ever charged: no fee is no missing price.
            missing = true;
        }
    }
    // What is sold by the second, the page or the character may report tokens besides: they are no missing price.
    let sells_tokens = || Dimension::ALL.iter().any(|&each| is_tokens(each) && table[each as usize].is_some());
    missing |= tokens_missing && (!bill.any || sells_tokens());
    bill.complete &= !missing;
    bill.any |= !missing;
    Ok(bill)
}

impl Catalogue {
    /// What a query costs, line by line.
    ///
    /// ```
    /// use llmlab::catalogue::Catalogue;
    /// use llmlab::price::Query;
    /// use llmlab::{Dimension, Usage, moment};
    ///
    /// let usage = Usage::new().with(Dimension::Input, 1_000).with(Dimension::Output, 500);
    /// let at = moment::parse_rfc3339("2026-11-19T18:22:46Z")?;
    /// let cost = Catalogue::embedded().cost(&Query::new("openai", "gpt-4o-mini", &usage, at))?;
    /// assert_eq!(cost.total.unwrap().to_string(), "0.00045");
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidUsage`](crate::ErrorCode::InvalidUsage) when a part is larger than its whole. An unknown model is no
    /// error: its cost is unpriced.
    pub fn cost(&self, query: &Query<'_>) -> Result<Cost> {
        let terms = Terms {
            unix_ns: query.unix_ns,
            service_tier: query.service_tier,
            inference_geo: query.inference_geo,
            speed: query.speed,
            search_context_size: query.search_context_size,
        };
        self.with_model(query.provider, query.model, |hit| {
            let mut lines = Vec::new();
            let total = match hit {
                None => query.usage.leaves().map(|_| None)?,
                Some(hit) => Some(bill(hit, query.usage, &terms, |dimension, count, rate, factor, total| {
                    lines.push(Line { dimension, count, unit_price: rate.of_one(factor), total });
                })?),
            };
            let state = total.as_ref().map_or(CostState::Unpriced, Bill::state);
            Ok(Cost {
                total: total.filter(|bill| bill.any).map(|bill| bill.total),
                lines,
                state,
                model: hit.map(|hit| hit.model.id.to_string()),
                matched_by: hit.map(|hit| hit.matched_by),
                catalogue_version: self.version(),
            })
        })
    }
}
