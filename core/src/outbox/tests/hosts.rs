//! Functions of the host, threads of the host.

use std::sync::Arc;
use std::time::Duration;

use super::kit::{Kit, LONG, Server, until};
use crate::outbox::handoff::Handoff;
use crate::outbox::outlet::Outlet;
use crate::sink::Guarantee;
use crate::spool::testing::is_soak;

fn function() -> (String, Outlet) {
    ("callback-test".into(), Outlet::Host(Arc::new(Handoff::new("f".into()))))
}

// Sabotage: a batch that counts as delivered when it is taken; a ticket that may be settled twice.
#[test]
fn a_batch_in_the_hands_of_the_host_is_delivered_when_it_says_so() {
    let home = tempfile::tempdir().unwrap();
    let kit = Kit::new(home.path(), vec![function()]);
    assert!(kit.outbox.next_batch("g", LONG).is_none(), "there is no such function");
    assert!(kit.outbox.next_batch("f", Duration::ZERO).is_none());
    kit.post(250);
    let first = kit.outbox.next_batch("f", LONG).unwrap();
    assert_eq!((first.batch.events.len(), kit.look().delivered), (100, 0));
    assert!(kit.outbox.next_batch("f", Duration::ZERO).is_none(), "one at a time");
    kit.outbox.settle_batch(first.ticket + 1, &Ok(()));
    kit.outbox.settle_batch(first.ticket, &Err("the function failed".into()));
    kit.outbox.settle_batch(first.ticket, &Ok(()));
    until(|| kit.books().last_error.is_some());
    assert_eq!(kit.books().delivered, 0);
    kit.pass(2);
    let again = kit.outbox.next_batch("f", LONG).unwrap();
    assert_eq!(again.batch.id, first.batch.id);
    kit.outbox.settle_batch(again.ticket, &Ok(()));
    until(|| kit.books().delivered == 100);
    std::thread::scope(|scope| {
        let flushed = scope.spawn(|| kit.outbox.flush(LONG));
        for _ in 0..2 {
            let next = kit.outbox.next_batch("f", LONG).unwrap();
            kit.outbox.settle_batch(next.ticket, &Ok(()));
        }
        assert!(flushed.join().unwrap().is_complete());
    });
    assert_eq!(kit.books().delivered, 250);
}

// Sabotage: a ring that is not drained by whoever holds the lock, an order of events that a thread can see broken.
#[test]
fn sixty_four_threads_record_and_every_event_is_delivered_once_and_in_order() {
    let (threads, events) = if is_soak() { (64, 20_000) } else { (64, 2_000) };
    let home = tempfile::tempdir().unwrap();
    let server = Server::default();
    let kit = Kit::new(home.path(), vec![server.outlet(Guarantee::ExactlyOnce)]);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| kit.post(events));
        }
        kit.books();
    });
    assert!(kit.outbox.flush(LONG).is_complete());
    assert_eq!((kit.books().delivered, server.has()), (threads * events, threads * events));
}
