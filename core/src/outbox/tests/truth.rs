//! A flush tells the truth, and a poisoned event costs nobody else.

use std::sync::Arc;
use std::time::Duration;

use super::kit::{Kit, LONG, Mood, Server, until};
use crate::outbox::outlet::Outlet;
use crate::outbox::{FlushReport, SinkState};
use crate::sink::{Answer, Batch, Guarantee, Receipt, Rejection, Sink};

/// Takes everything.
struct Everything;

impl Sink for Everything {
    fn name(&self) -> &'static str {
        "everything"
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn deliver(&mut self, batches: &[Batch]) -> crate::error::Result<Vec<Receipt>> {
        let receipt = |batch: &Batch| Receipt { stored: batch.events.len() as u64, ..Receipt::default() };
        Ok(batches.iter().map(receipt).collect())
    }
}

fn everything() -> (String, Outlet) {
    ("everything".into(), Outlet::Local(Box::new(Everything)))
}

fn says(status: u16) -> Mood {
    Mood::Says(Answer { status, ..Answer::default() })
}

// Sabotage: an answer when the first sink is through, a promise that does not count what is in flight.
#[test]
fn a_flush_is_complete_when_every_sink_has_every_event() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::default();
    let kit = Kit::new(home.path(), vec![everything(), server.outlet(Guarantee::ExactlyOnce)]);
    for events in [1, 99, 100, 101, 750] {
        kit.post(events);
        let report = kit.outbox.flush(LONG);
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(server.has(), kit.books().recorded);
        assert!(kit.books().sinks.iter().all(|sink| sink.delivered == kit.books().recorded));
    }
    assert!(home.path().join("spool").exists());
    assert!(kit.outbox.shutdown(LONG).is_complete());
    assert_eq!(kit.outbox.flush(LONG), kit.outbox.shutdown(LONG));
}

// Sabotage: a flush that reports what it was asked and not what it found; one that waits for a paused sink; a leave that
// tries again.
#[test]
fn a_flush_says_what_is_pending_and_why_and_a_leave_costs_a_dead_server_one_try() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::default();
    let kit = Kit::new(home.path(), vec![everything(), server.outlet(Guarantee::ExactlyOnce)]);
    server.mood(Mood::Gone);
    kit.post(250);
    let lost = Some("connection lost".to_owned());
    let report = kit.outbox.flush_once(LONG, LONG);
    assert_eq!(report, FlushReport { delivered: 0, pending: 250, dropped: 0, last_error: lost });
    let sinks = kit.books().sinks;
    assert_eq!((sinks[0].delivered, sinks[1].delivered), (250, 0));
    let tries = server.requests().len();
    kit.outbox.flush_once(LONG, LONG);
    assert_eq!(server.requests().len(), tries + 1);
    server.mood(says(401));
    assert_eq!(kit.outbox.flush(LONG).last_error.as_deref(), Some("no such key"));
    let tries = server.requests().len();
    assert_eq!(kit.outbox.flush(LONG).last_error.as_deref(), Some("no such key"));
    assert_eq!(server.requests().len(), tries, "a paused sink is not asked again");
    assert_eq!(kit.books().sinks[1].state, SinkState::Paused);
    assert!(kit.outbox.take_warning().unwrap().contains("no such key"));
    server.mood(Mood::Stores);
    kit.pass(299);
    assert_eq!(server.requests().len(), tries);
    kit.pass(2);
    assert!(kit.outbox.flush(LONG).is_complete());
    assert_eq!((server.has(), kit.books().last_error), (250, None));
    server.mood(Mood::Gone);
    kit.post(250);
    kit.look();
    let tries = server.requests().len();
    assert_eq!(kit.outbox.shutdown(LONG).pending, 250);
    assert!(server.requests().len() <= tries + 1);
    kit.books();
}

// Sabotage: a flush that returns with the first failure; one that does not return although the next try comes too late; a
// leave that is as patient as the flush beside it.
#[test]
fn a_flush_tries_again_as_long_as_the_next_try_comes_in_time() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::default();
    let kit = Kit::new(home.path(), vec![everything(), server.outlet(Guarantee::ExactlyOnce)]);
    server.mood(Mood::Gone);
    kit.post(150);
    std::thread::scope(|scope| {
        let flushed = scope.spawn(|| kit.outbox.flush(LONG));
        // The pauses before these tries are together much shorter than the flush waits.
        until(|| {
            kit.pass(1);
            server.requests().len() >= 3
        });
        assert!(!flushed.is_finished());
        assert_eq!(kit.outbox.flush_once(LONG, LONG).pending, 150, "who leaves does not wait for who is patient");
        server.mood(Mood::Stores);
        until(|| {
            kit.pass(1);
            flushed.is_finished()
        });
        assert!(flushed.join().unwrap().is_complete());
    });
    let asks = |seconds: &str| Answer { status: 503, retry_after: Some(seconds.into()), ..Answer::default() };
    server.mood(Mood::Says(asks("20")));
    kit.post(1);
    std::thread::scope(|scope| {
        let flushed = scope.spawn(|| kit.outbox.flush(LONG));
        until(|| kit.books().last_error.is_some());
        kit.look();
        assert!(!flushed.is_finished(), "what the server asks for is in time");
        server.mood(Mood::Stores);
        until(|| {
            kit.pass(1);
            flushed.is_finished()
        });
        assert!(flushed.join().unwrap().is_complete());
    });
    server.mood(Mood::Says(asks("61")));
    kit.post(1);
    std::thread::scope(|scope| {
        let flushed = scope.spawn(|| kit.outbox.flush(LONG));
        // Before a minute has passed, on whatever clock.
        until(|| flushed.is_finished());
        assert_eq!(flushed.join().unwrap().pending, 1);
    });
    kit.books();
}

// Sabotage: a receipt that is taken for granted after a lost answer; a release before the receipt.
#[test]
fn a_swallowed_answer_costs_a_second_delivery_and_no_event() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::default();
    let kit = Kit::new(home.path(), vec![server.outlet(Guarantee::ExactlyOnce)]);
    server.mood(Mood::Swallows);
    kit.post(100);
    until(|| server.has() == 100);
    assert_eq!(kit.look().delivered, 0);
    server.mood(Mood::Stores);
    assert!(kit.outbox.flush(LONG).is_complete());
    assert_eq!((server.has(), server.requests()), (100, vec![100, 100]));
}

// Sabotage: a reply that is sent after the request only.
#[test]
fn a_request_that_panics_is_tried_again() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::default();
    let kit = Kit::new(home.path(), vec![server.outlet(Guarantee::ExactlyOnce)]);
    server.mood(Mood::Panics);
    kit.post(100);
    until(|| kit.books().last_error.is_some_and(|error| error.contains("panic")));
    server.mood(Mood::Stores);
    assert!(kit.outbox.flush(LONG).is_complete());
    assert_eq!((server.has(), kit.books().delivered), (100, 100));
}

/// Keeps something from each, as two sinks that disagree.
struct Picky(u64);

impl Sink for Picky {
    fn name(&self) -> &'static str {
        "picky"
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn deliver(&mut self, batches: &[Batch]) -> crate::error::Result<Vec<Receipt>> {
        let receipt = |batch: &Batch| {
            let reject = |index| Rejection { index, reason: "no".into() };
            let rejected: Vec<_> = (0..batch.events.len()).take(usize::try_from(self.0).unwrap()).map(reject).collect();
            Receipt { stored: (batch.events.len() - rejected.len()) as u64, duplicates: 0, rejected }
        };
        Ok(batches.iter().map(receipt).collect())
    }
}

// Sabotage: a sink that is furthest behind by what it has, whatever it gave up.
#[test]
fn the_report_is_of_the_sink_for_which_most_is_pending() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::default();
    let picky = ("picky".into(), Outlet::Local(Box::new(Picky(60))));
    let kit = Kit::new(home.path(), vec![picky, server.outlet(Guarantee::ExactlyOnce)]);
    kit.post(100);
    until(|| kit.books().sinks.iter().all(|sink| sink.spooled == 0));
    server.mood(says(401));
    kit.post(1);
    let report = kit.outbox.flush(LONG);
    assert_eq!((report.delivered, report.pending, report.dropped), (100, 1, 0), "{report:?}");
    let books = kit.books();
    assert_eq!(
        books.recorded,
        books.delivered + books.spooled + books.in_memory + books.rolled_up + books.dropped_total()
    );
    assert_eq!(books.sinks[0].dropped, [("rejected", 61)]);
}

// Sabotage: a segment that is gone and counts as delivered.
#[test]
fn a_segment_that_somebody_removed_counts_as_lost_where_nobody_else_may_deliver_it() {
    let home = tempfile::tempdir().unwrap();
    let (once, least) = (Server::default(), Server::default());
    let (_, outlet) = least.outlet(Guarantee::AtLeastOnce);
    let kit = Kit::new(home.path(), vec![once.outlet(Guarantee::ExactlyOnce), ("other".into(), outlet)]);
    once.mood(Mood::Gone);
    least.mood(Mood::Gone);
    kit.post(200);
    until(|| kit.books().sinks.iter().all(|sink| sink.last_error.is_some()));
    // Both are sealed.
    kit.look();
    for name in ["llmlab-test", "other"] {
        let folder = home.path().join("spool/shop%2fback%20end").join(name);
        for file in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
            if file.extension().is_some_and(|extension| extension == "ready") {
                std::fs::remove_file(file).unwrap();
            }
        }
    }
    once.mood(Mood::Stores);
    least.mood(Mood::Stores);
    assert_eq!(kit.outbox.flush(LONG).pending, 0);
    // The one in flight had been read before.
    let sinks = kit.books().sinks;
    assert_eq!((sinks[0].delivered, sinks[0].dropped_total()), (200, 0));
    assert_eq!((sinks[1].delivered, sinks[1].dropped.as_slice()), (100, &[("corrupt", 100)][..]));
}

// Sabotage: a local sink without the mark, whose half-done deliveries are summed after its death.
#[test]
fn what_a_sink_may_have_is_marked_before_it_is_given_to_it() {
    let home = tempfile::tempdir().unwrap();
    let marks: Arc<parking_lot::Mutex<usize>> = Arc::default();
    let folder = home.path().join("spool/shop%2fback%20end/looker");
    let looker = Looker { folder: folder.clone(), marks: Arc::clone(&marks) };
    let kit = Kit::new(home.path(), vec![("looker".into(), Outlet::Local(Box::new(looker)))]);
    kit.post(100);
    assert!(kit.outbox.flush(LONG).is_complete());
    assert_eq!(*marks.lock(), 1);
    assert_eq!(marked(&folder), 0, "the mark goes with the segment");
    kit.books();
}

/// Counts the marks when it is given something.
struct Looker {
    folder: std::path::PathBuf,
    marks: Arc<parking_lot::Mutex<usize>>,
}

fn marked(folder: &std::path::Path) -> usize {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    names.filter(|path| path.extension().is_some_and(|extension| extension == "seen")).count()
}

impl Sink for Looker {
    fn name(&self) -> &'static str {
        "looker"
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn deliver(&mut self, batches: &[Batch]) -> crate::error::Result<Vec<Receipt>> {
        *self.marks.lock() += marked(&self.folder);
        Everything.deliver(batches)
    }
}

// Sabotage: a `settle` that forgets the rejected ones, or buries them nowhere.
#[test]
fn poisoned_events_are_found_kept_aside_and_counted_and_the_others_are_delivered() {
    for poisoned in [vec![], vec![0], vec![99], vec![37, 137], vec![37, 38], vec![0, 50, 99], vec![97, 98, 99]] {
        let home = tempfile::tempdir().unwrap();
        let server = Server::default();
        let kit = Kit::new(home.path(), vec![server.outlet(Guarantee::ExactlyOnce)]);
        let count = poisoned.len() as u64;
        server.mood(Mood::Chokes(poisoned.clone()));
        kit.post(200);
        let report = kit.outbox.flush(LONG);
        assert_eq!((report.delivered, report.dropped, report.pending), (200 - count, count, 0), "{report:?}");
        assert_eq!((server.has(), kit.books().dropped_total()), (200 - count, count));
        assert!(kit.books().dropped.iter().all(|(reason, _)| *reason == "rejected"));
        let dead = home.path().join("spool/shop%2fback%20end/llmlab-test/dead.jsonl");
        let dead = std::fs::read_to_string(dead).unwrap_or_default();
        assert_eq!(dead.lines().count() as u64, count);
        for counter in poisoned {
            let id = format!("chatcmpl-Ck3fG7sQ9aLxR2{counter:010}");
            assert!(dead.contains("too large") && dead.contains(&id), "{counter}: {dead}");
        }
    }
}

// Sabotage: a `plain_until` that is not kept, or is asked of twice.
#[test]
fn a_server_that_refuses_compression_is_sent_plain_bodies_for_an_hour() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::default();
    let kit = Kit::new(home.path(), vec![server.outlet(Guarantee::ExactlyOnce)]);
    server.mood(says(415));
    kit.post(100);
    until(|| server.compressions() == [true, false]);
    kit.look();
    assert_eq!(kit.books().sinks[0].state, SinkState::Paused);
    server.mood(Mood::Stores);
    kit.pass(301);
    until(|| kit.books().delivered == 100);
    kit.pass(3_600);
    kit.post(100);
    until(|| kit.books().delivered == 200);
    assert_eq!(server.compressions(), [true, false, false, true]);
}

// Sabotage: a lane file that nobody writes, or nobody reads.
#[test]
fn what_one_process_found_out_about_a_server_spares_the_others_the_try() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::default();
    let first = Kit::new(home.path(), vec![server.outlet(Guarantee::ExactlyOnce)]);
    let second = Kit::new(home.path(), vec![server.outlet(Guarantee::ExactlyOnce)]);
    server.mood(Mood::Says(Answer { status: 503, retry_after: Some("200".into()), ..Answer::default() }));
    first.post(100);
    until(|| first.books().sinks[0].state == SinkState::Waiting);
    second.post(100);
    second.look();
    // Nor does a flush wait for what another process has found out; a flush that came first is told as well.
    assert_eq!(second.outbox.flush(LONG).pending, 100);
    let third = Kit::new(home.path(), vec![server.outlet(Guarantee::ExactlyOnce)]);
    third.post(1);
    assert_eq!(third.outbox.flush(LONG).pending, 1);
    assert_eq!(server.requests().len(), 1);
    server.mood(Mood::Stores);
    first.pass(301);
    until(|| first.books().delivered == 100);
    second.pass(301);
    until(|| second.books().delivered == 100);
    first.books();
}

// Sabotage: a pause in the lane file; orphans that a process with the wrong key keeps to itself.
#[test]
fn a_wrong_key_holds_up_no_process_with_a_right_one() {
    let home = tempfile::tempdir().unwrap();
    let (refusing, storing) = (Server::default(), Server::default());
    let dead = Kit::new(home.path(), vec![refusing.outlet(Guarantee::AtLeastOnce)]);
    dead.post(7);
    drop(dead);
    let wrong = Kit::new(home.path(), vec![refusing.outlet(Guarantee::AtLeastOnce)]);
    refusing.mood(says(401));
    wrong.post(100);
    until(|| wrong.books().sinks[0].state == SinkState::Paused);
    // It looks for orphans every minute, and would hold those that it finds.
    wrong.pass(61);
    let right = Kit::new(home.path(), vec![storing.outlet(Guarantee::AtLeastOnce)]);
    right.post(100);
    assert!(right.outbox.flush(LONG).is_complete());
    until(|| {
        right.pass(61);
        right.books().adopted == 7
    });
    assert_eq!((storing.has(), wrong.books().spooled), (107, 100));
    right.books();
}

#[test]
fn two_outboxes_share_a_thread_and_neither_waits_for_the_other() {
    let home = tempfile::tempdir().unwrap();
    let (alive, dead) = (Server::default(), Server::default());
    dead.mood(Mood::Gone);
    let io = Arc::default();
    let kit = |server: &Server, name: &str| {
        let outlets = vec![server.outlet(Guarantee::ExactlyOnce)];
        let (settings, disk) = (super::kit::settings(), Arc::new(crate::spool::RealDisk));
        Kit::on(&home.path().join(name), settings, disk, outlets, Arc::clone(&io))
    };
    let (first, second) = (kit(&dead, "a"), kit(&alive, "b"));
    first.post(1_000);
    second.post(1_000);
    assert!(second.outbox.flush(LONG).is_complete());
    assert!(!first.outbox.flush_once(LONG, LONG).is_complete());
    assert!(second.outbox.shutdown(LONG).is_complete());
    dead.mood(Mood::Stores);
    assert!(first.outbox.shutdown(Duration::from_secs(20)).is_complete());
    assert_eq!((alive.has(), dead.has()), (1_000, 1_000));
    first.books();
    second.books();
}
