//! Each test forks this process, which has other threads: what a child must not do is what it would hang on.

use super::*;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A child of one test would hold for a moment what another one looks at.
pub(crate) fn alone() -> parking_lot::MutexGuard<'static, ()> {
    static ALONE: parking_lot::Mutex<()> = parking_lot::Mutex::new(());
    ALONE.lock()
}

/// How a child comes to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// As the host's languages do it.
    Fork,
    /// By the bare system call, of which no hook is told.
    Clone,
}

/// Runs `child` in a child and says whether it returned true. A child that hangs is killed by its own alarm, and fails.
pub(crate) fn holds_in_child(way: Way, child: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child only runs what is being tested, and ends without running anything of the test harness.
    unsafe {
        let process = match way {
            Way::Fork => libc::fork(),
            Way::Clone => i32::try_from(libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0)).unwrap_or(-1),
        };
        assert!(process >= 0, "no child was made");
        if process == 0 {
            libc::alarm(20);
            let held = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).unwrap_or(false);
            libc::_exit(i32::from(!held));
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(process, &raw mut status, 0), process);
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
    }
}

// Sabotage: without MADV_WIPEONFORK the way `Clone` fails; without the hook and the page, both do.
#[test]
fn a_child_is_of_another_generation_and_so_is_its_child() {
    let _alone = alone();
    let ours = generation();
    for way in [Way::Fork, Way::Clone] {
        let held = holds_in_child(way, || {
            let child = generation() == ours + 1 && is_child();
            child && holds_in_child(way, || generation() == ours + 2) && generation() == ours + 1
        });
        assert!(held, "{way:?}");
    }
    assert_eq!(generation(), ours);
}

// Sabotage: `renew` that keeps a value of an older generation.
#[test]
fn a_value_is_made_anew_in_a_child_and_kept_in_the_parent() {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let _alone = alone();
    let value = PerProcess::new(|| MADE.fetch_add(1, Ordering::Relaxed));
    let first = *value.get();
    assert_eq!(*value.get(), first);
    for way in [Way::Fork, Way::Clone] {
        assert!(holds_in_child(way, || value.made().is_none() && *value.get() != first && value.made().is_some()));
    }
    assert_eq!(value.made(), Some(&first));
}

// Sabotage: a `Drop` of `PerProcess` that does not ask for the generation.
#[test]
fn a_value_is_dropped_where_it_was_made_and_never_in_a_child() {
    struct Bell(Arc<AtomicBool>);
    impl Drop for Bell {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let _alone = alone();
    let rung = Arc::new(AtomicBool::new(false));
    let value = PerProcess::new(|| Bell(Arc::clone(&rung)));
    value.get();
    let mut value = Some(value);
    for way in [Way::Fork, Way::Clone] {
        assert!(holds_in_child(way, || {
            drop(value.take());
            !rung.load(Ordering::SeqCst)
        }));
    }
    drop(value.take());
    assert!(rung.load(Ordering::SeqCst));
}

// Sabotage: a `Slot` that is not given back, or a child that closes nothing.
#[test]
fn a_child_does_not_keep_the_lock_of_its_parent() {
    let _alone = alone();
    for way in [Way::Fork, Way::Clone] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let file = File::create(&path).unwrap();
        let closed_in_child = ClosedInChild::new(&file);
        file.try_lock().unwrap();
        let (mut from_child, mut to_parent) = std::io::pipe().unwrap();
        let (mut from_parent, mut to_child) = std::io::pipe().unwrap();
        // SAFETY: as in `holds_in_child`, but this child lives on until the parent has looked.
        let process = unsafe {
            if matches!(way, Way::Fork) {
                libc::fork()
            } else {
                i32::try_from(libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0)).unwrap_or(-1)
            }
        };
        if process == 0 {
            generation();
            let _ = std::io::Write::write(&mut to_parent, b"x");
            let _ = from_parent.read(&mut [0]);
            // SAFETY: nothing of the test harness runs in the child.
            unsafe { libc::_exit(0) };
        }
        from_child.read_exact(&mut [0]).unwrap();
        // As at the death of the parent: closed, not unlocked.
        drop((closed_in_child, file));
        let found = File::open(&path).unwrap().try_lock();
        std::io::Write::write_all(&mut to_child, b"x").unwrap();
        // SAFETY: our own child.
        unsafe { libc::waitpid(process, ptr::null_mut(), 0) };
        assert!(found.is_ok(), "{way:?}: the child still holds the lock");
    }
}

#[test]
fn threads_that_ask_at_once_get_one_value() {
    let value = PerProcess::new(|| Box::new(7));
    let seen: Vec<usize> = std::thread::scope(|scope| {
        let ask = || ptr::from_ref(&**value.get()) as usize;
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(seen.iter().all(|&address| address == seen[0]));
}
