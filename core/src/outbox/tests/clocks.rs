//! Clocks that jump.

use std::collections::HashSet;

use super::kit::{Kit, LONG, Mood, SECOND_NS, Server, until};
use crate::outbox::SinkState;
use crate::sink::Guarantee;

const YEAR_NS: i64 = 31_557_600_000_000_000;

// Sabotage: any timer on `unix_ns`; a hold of another process that is believed however long it is.
#[test]
fn a_clock_that_is_set_changes_no_timer_and_no_back_off() {
    let now = 1_790_000_000_000_000_000_i64;
    let y2038 = 2_147_483_648_000_000_000;
    for wall in [now, now + 10 * YEAR_NS, now - 10 * YEAR_NS, 0, -YEAR_NS, y2038 - 1, y2038 + 1] {
        let home = tempfile::tempdir().unwrap();
        let server = Server::default();
        let kit = Kit::new(home.path(), vec![server.outlet(Guarantee::ExactlyOnce)]);
        kit.clock.advance_ns(1_000 * SECOND_NS);
        kit.post(1);
        kit.look();
        kit.clock.set_unix_ns(wall);
        kit.pass(299);
        assert_eq!((server.requests(), kit.books().spooled), (vec![], 1), "{wall}");
        server.mood(Mood::Gone);
        kit.pass(1);
        until(|| kit.books().sinks[0].state == SinkState::Waiting);
        // Four tries open the breaker, which other processes see on the wall.
        for _ in 0..4 {
            kit.pass(301);
        }
        kit.look();
        kit.clock.set_unix_ns(now);
        server.mood(Mood::Stores);
        kit.pass(301);
        until(|| kit.books().delivered == 1);
        kit.post(100);
        until(|| kit.books().delivered == 101);
    }
}

// Sabotage: a timer that counts rounds.
#[test]
fn a_machine_that_slept_delivers_when_it_wakes() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::default();
    let kit = Kit::new(home.path(), vec![server.outlet(Guarantee::ExactlyOnce)]);
    kit.post(3);
    kit.look();
    kit.clock.advance_ns(8 * 3_600 * SECOND_NS);
    kit.look();
    until(|| kit.books().delivered == 3);
}

#[test]
fn writers_that_are_born_at_the_same_moment_are_told_apart() {
    let home = tempfile::tempdir().unwrap();
    let kits: Vec<_> = (0..100).map(|_| Kit::new(home.path(), Vec::new())).collect();
    let writers: HashSet<_> = kits.iter().map(|kit| kit.outbox.writer()).collect();
    assert_eq!(writers.len(), 100);
    assert!(kits.iter().all(|kit| kit.outbox.flush(LONG).is_complete()));
}
