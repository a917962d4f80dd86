//! The thread sleeps only while nobody has work for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::{Hands, Io, Next, Station};
use crate::clock::{Clock, SystemClock};

const WAKERS: usize = 2;

/// Answers every question with the number of it.
struct Echo(Arc<[(AtomicU64, AtomicU64); WAKERS]>);

impl Station for Echo {
    fn round(&mut self, _: &mut Hands) -> Next {
        for (asked, answered) in &*self.0 {
            answered.store(asked.load(Ordering::SeqCst), Ordering::SeqCst);
        }
        Next::WhenWoken
    }
}

/// Sabotage: `is_awake` set to false before the signal of the last round is taken away. Whoever wakes in between has then
/// both: the signal is gone, and the thread is taken for awake ever after.
#[test]
fn no_signal_is_lost_between_two_rounds() {
    let questions: Arc<[(AtomicU64, AtomicU64); WAKERS]> = Arc::default();
    let io = Io::default();
    io.serve(Box::new(Echo(Arc::clone(&questions)))).unwrap();
    let ask = |waker: usize| {
        let (asked, answered) = &questions[waker];
        for number in 1..=50_000 {
            asked.store(number, Ordering::SeqCst);
            io.wake();
            let begin = SystemClock.now();
            while answered.load(Ordering::SeqCst) < number {
                assert!(SystemClock.now().ns_since(begin) < 10_000_000_000, "nobody answers question {number}");
                thread::yield_now();
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| ask(0));
        scope.spawn(|| ask(1));
    });
}
