//! When a segment is sealed: 100 events, 300 s since the first, 512 KiB.

use super::kit::{Kit, LONG, SECOND_NS, Server, until};
use crate::sink::Guarantee;

fn kit(home: &std::path::Path) -> (Kit, Server) {
    let server = Server::default();
    (Kit::new(home, vec![server.outlet(Guarantee::ExactlyOnce)]), server)
}

// Sabotage: SEAL_EVENTS of 99 or 101.
#[test]
fn the_hundredth_event_is_sent_at_once_and_the_others_wait() {
    let home = tempfile::tempdir().unwrap();
    let (kit, server) = kit(home.path());
    kit.post(99);
    kit.look();
    assert_eq!((server.requests(), kit.books().spooled), (vec![], 99));
    kit.post(1);
    until(|| kit.books().delivered == 100);
    assert_eq!(server.requests(), [100]);
    kit.post(1);
    kit.look();
    assert_eq!((server.requests(), kit.books().spooled), (vec![100], 1));
}

// Sabotage: SEAL_NS of 298 s or 302 s; a timer that is not armed by the first event; one that is armed anew by each.
#[test]
fn one_event_waits_three_hundred_seconds_from_the_first_and_no_longer() {
    let home = tempfile::tempdir().unwrap();
    let (kit, server) = kit(home.path());
    kit.clock.advance_ns(1_000 * SECOND_NS);
    kit.post(1);
    kit.look();
    kit.pass(200);
    kit.post(1);
    kit.pass(99);
    assert_eq!((server.requests(), kit.books().spooled), (vec![], 2));
    kit.pass(2);
    until(|| kit.books().delivered == 2);
    assert_eq!(server.requests(), [2]);
    kit.pass(10_000);
    assert_eq!(server.requests(), [2], "an empty batch was sent");
}

// Sabotage: no bound by bytes.
#[test]
fn large_events_are_sealed_by_their_bytes() {
    let home = tempfile::tempdir().unwrap();
    let (kit, server) = kit(home.path());
    for _ in 0..20 {
        let mut event = kit.event();
        event.facts.error_type = Some("x".repeat(30_000));
        kit.outbox.post(&event);
    }
    until(|| kit.books().delivered > 0);
    assert_eq!(server.requests(), [18], "512 KiB of 30 kB each");
    assert!(kit.outbox.flush(LONG).is_complete());
    assert_eq!(kit.books().delivered, 20);
}

// Sabotage: a `next` that never says `WhenWoken`, a sync timer that is not taken down.
#[test]
fn a_thread_with_nothing_to_do_does_not_look() {
    let home = tempfile::tempdir().unwrap();
    let (kit, _) = kit(home.path());
    kit.post(5);
    assert!(kit.outbox.flush(LONG).is_complete());
    // The one timer that is left: what was written is synced once.
    kit.pass(6);
    let quiet = kit.look().delivered;
    let rounds = kit.io.rounds();
    // Not a wait for something to happen, but for nothing: a thread with a timer of 0 s would have come round a
    // thousand times while this one gives way as often.
    for _ in 0..10_000 {
        std::thread::yield_now();
    }
    assert!(kit.io.rounds() <= rounds + 1, "{} rounds", kit.io.rounds() - rounds);
    assert_eq!(quiet, 5);
}

// Sabotage: a thread that is woken before the last station can be seen to be the last.
#[test]
fn a_thread_ends_with_its_last_outbox() {
    let home = tempfile::tempdir().unwrap();
    let (kit, _) = kit(home.path());
    kit.post(5);
    let io = std::sync::Arc::downgrade(&kit.io);
    let thread = kit.io.waker().clone();
    drop(kit);
    assert!(io.upgrade().is_none());
    // Ours is the last one when the thread's is gone.
    until(|| std::sync::Arc::strong_count(&thread) == 1);
}
