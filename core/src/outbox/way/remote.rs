//! A server: one request at a time, until every event of a batch is accounted for.

use std::mem;

use crossbeam_channel::Sender;

use super::{Arrival, News, Outlet, Round, Setback, Way, asked_ns, reason_of};
use crate::backoff::SECOND_NS;
use crate::sink::{Answer, Failure, Verdict};

/// How long a server that refused a compressed body is sent plain ones.
const PLAIN_NS: u64 = 3_600 * SECOND_NS;

/// Tells what came of a request, and be it that it was given up: a way that hears nothing waits for ever.
struct Reply {
    way: usize,
    arrivals: Sender<Arrival>,
    answer: Result<Answer, Failure>,
}

impl Reply {
    fn to(way: usize, arrivals: &Sender<Arrival>) -> Self {
        let nothing = Failure::Transient("the request ended in a panic; please report it".to_owned());
        Self { way, arrivals: arrivals.clone(), answer: Err(nothing) }
    }

    fn tell(mut self, answer: Result<Answer, Failure>) {
        self.answer = answer;
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let news = News::Answer(mem::replace(&mut self.answer, Ok(Answer::default())));
        let _ = self.arrivals.send(Arrival { way: self.way, news });
    }
}

impl Way {
    pub(super) fn step_remote(&mut self, round: &mut Round<'_, '_>) -> bool {
        let now = round.now();
        if self.obey_others(round) {
            return false;
        }
        let Outlet::Remote(remote, _) = &self.outlet else { return false };
        let max_events = remote.max_events();
        self.begin_flight(max_events, round);
        let (Some(flight), Outlet::Remote(remote, route)) = (&mut self.flight, &mut self.outlet) else { return true };
        let Some(range) = flight.parcel.next() else { return self.finish_flight(round) };
        let courier = match route.courier() {
            Ok(courier) => courier,
            Err(error) => {
                flight.parcel.retry();
                self.set_back(&Setback::Refused, &reason_of(&error), round);
                return false;
            }
        };
        match remote.request(&flight.batch, range) {
            Ok(Some(message)) => {
                let is_compressed = remote.takes_gzip() && now.monotonic_ns >= self.plain_until_ns;
                let reply = Reply::to(self.index, round.arrivals);
                let sent = round.hands.spawn(async move { reply.tell(courier.send(message, is_compressed).await) });
                match sent {
                    Ok(()) => self.lane.begin(),
                    Err(error) => {
                        flight.parcel.retry();
                        self.set_back(&Setback::Later(None), &format!("no request could be made: {error}"), round);
                    }
                }
                false
            }
            Ok(None) => {
                flight.parcel.skip();
                true
            }
            Err(error) => {
                flight.parcel.retry();
                self.set_back(&Setback::Later(None), &reason_of(&error), round);
                false
            }
        }
    }

    /// What the server made of the last request.
    pub(super) fn answered(&mut self, answer: &Result<Answer, Failure>, round: &mut Round<'_, '_>) {
        let (Some(flight), Outlet::Remote(remote, _)) = (&mut self.flight, &self.outlet) else { return };
        let Some(range) = flight.parcel.next() else { return };
        let now = round.now();
        let verdict = match answer {
            Ok(answer) => remote.judge(&flight.batch, range, answer, now.unix_ns),
            Err(Failure::Transient(reason)) => Verdict::Retry { after: None, reason: reason.clone() },
            Err(Failure::Refused(reason)) => Verdict::Pause { reason: reason.clone() },
        };
        let was_compressed = remote.takes_gzip() && now.monotonic_ns >= self.plain_until_ns;
        match verdict {
            Verdict::Receipt(receipt) => {
                if flight.parcel.receive(receipt) {
                    self.succeeded(round);
                    let is_over = self.flight.as_mut().is_some_and(|flight| flight.parcel.next().is_none());
                    if is_over {
                        self.finish_flight(round);
                    }
                } else {
                    let reason = "the server did not account for every event; they are sent again".to_owned();
                    self.set_back(&Setback::Later(None), &reason, round);
                }
            }
            Verdict::Retry { after, reason } => {
                flight.parcel.retry();
                self.set_back(&Setback::Later(asked_ns(after)), &reason, round);
            }
            Verdict::Split { reason } => {
                flight.parcel.split(&reason);
                // The server is there and talks to us.
                self.succeeded(round);
            }
            Verdict::Uncompressed if was_compressed => {
                flight.parcel.retry();
                self.plain_until_ns = now.monotonic_ns.saturating_add(PLAIN_NS);
                self.lane.give_back();
            }
            Verdict::Uncompressed => {
                flight.parcel.retry();
                let reason = "the server takes bodies neither compressed nor plain".to_owned();
                self.set_back(&Setback::Refused, &reason, round);
            }
            Verdict::Pause { reason } => {
                flight.parcel.retry();
                self.set_back(&Setback::Refused, &reason, round);
            }
        }
    }

    /// Every event of the flight is accounted for.
    fn finish_flight(&mut self, round: &Round<'_, '_>) -> bool {
        let Some(flight) = self.flight.take() else { return true };
        let outcome = self.settle(&flight, flight.parcel.rejected(), round);
        match outcome {
            Ok(()) => true,
            Err(reason) => {
                self.flight = Some(flight);
                self.set_back(&Setback::Later(None), &reason, round);
                false
            }
        }
    }
}
