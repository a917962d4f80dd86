//! A request that may be billed: whom it goes to, and what for.

use std::borrow::Cow;

use super::Request;
use super::asked::{self, Asked, model_of};
use crate::event::Operation;
use crate::provider::dialect::{Answer, Dialect};
use crate::provider::{self, Counting, Endpoint, Kind, Provider};

pub(super) struct Recognized<'a> {
    pub(super) provider: Option<&'static Provider>,
    pub(super) endpoint: &'static Endpoint,
    /// The request alone does not tell whether it is a call; the answer must.
    pub(super) must_show: bool,
    asked: Asked<'a>,
}

impl<'a> Recognized<'a> {
    /// What method and URL alone tell.
    pub(super) fn endpoint_of(method: &str, url: &str) -> Option<(Option<&'static Provider>, &'static Endpoint)> {
        let (owner, endpoint) = provider::locate(url)?;
        let expected = if endpoint.kind == Kind::Results { "GET" } else { "POST" };
        method.eq_ignore_ascii_case(expected).then_some((owner, endpoint))
    }

    pub(super) fn of(request: &Request<'a>) -> Option<Self> {
        let (owner, endpoint) = Self::endpoint_of(request.method, request.url)?;
        let mut asked = Asked::read(request.body, endpoint);
        asked.model = model_of(request.url, endpoint).or(asked.model);
        let is_common_path = owner.is_none() && endpoint.request_member.is_some();
        if is_common_path && !(asked.has_member && asked.model.is_some()) {
            return None;
        }
        let sole = endpoint.sole.filter(|_| owner.is_none());
        Some(Self {
            provider: owner.or_else(|| sole.and_then(provider::by_name)),
            endpoint,
            must_show: (is_common_path && sole.is_some()) || endpoint.kind == Kind::CallIfItShows,
            asked,
        })
    }

    /// Whether its stream tells its usage only if it is asked.
    pub(super) fn may_ask(&self, url: &str) -> bool {
        self.provider.is_some() && self.asked.stream == Some(true) && (self.endpoint.usage_if_asked)(url)
    }

    /// The characters of the text that is to be spoken.
    pub(super) fn characters(&self) -> Option<u64> {
        self.asked.text.filter(|_| self.operation() == Operation::Speech).and_then(asked::characters)
    }

    /// What is known of the answer before there is one.
    pub(super) fn answer(self) -> Answer {
        let model = self.asked.model.as_deref();
        let seller = self.provider.or_else(|| owner(self.endpoint.dialect, model?));
        let counting = seller.map_or(Counting::PLAIN, |seller| seller.counting);
        let mut answer = Answer::new(self.operation(), counting);
        answer.call.stream = self.asked.stream.unwrap_or(self.endpoint.streams);
        answer.call.search_context_size = self.asked.search_context_size.map(Cow::into_owned);
        answer.call.model_requested = self.asked.model.map(Cow::into_owned);
        if let Some(tier) = self.asked.service_tier {
            answer.tier(tier);
        }
        answer
    }

    fn operation(&self) -> Operation {
        self.endpoint.operation_of(self.asked.model.as_deref().unwrap_or_default())
    }
}

/// The provider that a model tells on a host that is nobody's.
pub(super) fn owner(dialect: &Dialect, model: &str) -> Option<&'static Provider> {
    provider::owner_of(model).filter(|owner| dialect.native_to.is_none_or(|native| owner.id == native))
}
