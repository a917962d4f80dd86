//! A weekend without a server.

use std::path::Path;
use std::sync::Arc;

use super::kit::{Kit, LONG, Mood, Server, settings, until};
use crate::money::Money;
use crate::outbox::Kept;
use crate::sink::Guarantee;
use crate::spool::RealDisk;
use crate::spool::testing::call;

const EVENTS: u64 = 100_000;

fn cost_of(events: u64) -> Money {
    let one = call(0).charge.unwrap().total.unwrap();
    (0..events).map(|_| one).sum()
}

/// 72 hours of events and no server; then it is back.
fn weekend(home: &Path, max_bytes: u64) -> (Kit, Server) {
    let server = Server::default();
    let mut settings = settings();
    settings.spool_max_bytes = max_bytes;
    let kit = Kit::with(home, settings, Arc::new(RealDisk), vec![server.outlet(Guarantee::ExactlyOnce)]);
    server.mood(Mood::Gone);
    for _ in 0..72 * 4 {
        kit.post(EVENTS / (72 * 4));
        kit.pass(900);
    }
    kit.post(EVENTS - kit.books().recorded);
    let books = kit.look();
    assert_eq!((books.recorded, books.delivered, books.in_memory), (EVENTS, 0, 0));
    server.mood(Mood::Stores);
    kit.pass(300);
    let report = kit.outbox.flush(LONG);
    assert_eq!((report.pending, report.dropped), (0, 0), "{report:?}");
    assert_eq!(server.totals(), (EVENTS, cost_of(EVENTS)));
    (kit, server)
}

// Sabotage: any attempt cap, a back-off without a ceiling, a segment that is released when its turn has come.
#[test]
fn a_weekend_without_a_server_costs_no_event() {
    let home = tempfile::tempdir().unwrap();
    let (kit, server) = weekend(home.path(), 1 << 30);
    assert_eq!((kit.books().delivered, server.has()), (EVENTS, EVENTS));
    let tries = server.requests().len() as u64 - EVENTS / 100;
    assert!((200..1_500).contains(&tries), "{tries} tries in 72 hours");
}

// Sabotage: a fold whose sources are delivered as well, a source that is counted twice.
#[test]
fn a_spool_at_its_bound_gives_up_detail_and_no_money() {
    let home = tempfile::tempdir().unwrap();
    let (kit, server) = weekend(home.path(), 2 << 20);
    let books = kit.books();
    assert!(books.rolled_up > EVENTS / 2, "{books:?}");
    assert_eq!(books.delivered + books.rolled_up, EVENTS);
    assert!(server.has() < EVENTS / 2);
}

// Sabotage: `Waiting` in memory of more than names.
#[test]
fn recording_goes_on_at_full_durability_while_the_server_is_gone() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::default();
    let kit = Kit::new(home.path(), vec![server.outlet(Guarantee::ExactlyOnce)]);
    server.mood(Mood::Gone);
    let kept = kit.post(5_000);
    let spooled = kept.iter().filter(|kept| **kept == Kept::Spooled).count();
    assert!(spooled >= 4_995, "{spooled}");
    until(|| !server.requests().is_empty());
    kit.books();
}
