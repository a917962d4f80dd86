//! Knowing that this process was forked, with no hook in any language; and the only `unsafe` code of the crate.
//!
//! A child of `fork` has one thread and a copy of everything else: locks that nobody will ever release, a spool that
//! belongs to its parent. So nothing of that copy is used. [`PerProcess`] holds what must not cross a fork, and makes it
//! anew in the child; the copy is leaked, because dropping it would act on what is the parent's.

#![expect(
    unsafe_code,
    reason = "mapped memory, a hook of the C library and a pointer that is never freed under a reader"
)]

use std::fs::File;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// The word that a fork sets to zero: in a page that the kernel wipes in the child, where there is such a thing (it sees
/// a bare `clone` as well), else in ordinary memory, where the hook does it.
static WORD: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());
static WITHOUT_PAGE: AtomicU64 = AtomicU64::new(0);
/// The generation of this process; in a child that has not noticed yet, that of its parent.
static LAST: AtomicU64 = AtomicU64::new(0);
/// Files that a child closes: `generation << 32 | descriptor + 1`. When all are taken, more files are inherited.
static FILES: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];

/// Which process of a line of forks this is: 1, and in a child one more than in its parent. About a nanosecond.
pub(crate) fn generation() -> u64 {
    match word().load(Ordering::Acquire) {
        0 => begin(),
        generation => generation,
    }
}

/// An ancestor of this process has used the library, so that its threads may hold locks for ever that are no longer ours
/// to see, as those inside `SQLite`.
pub(crate) fn is_child() -> bool {
    generation() > 1
}

fn word() -> &'static AtomicU64 {
    let known = WORD.load(Ordering::Acquire);
    // SAFETY: it is null, or leads to `WITHOUT_PAGE` or to a page that is never unmapped.
    unsafe { known.as_ref() }.unwrap_or_else(find_word)
}

#[cold]
fn find_word() -> &'static AtomicU64 {
    let fresh = sys::wiped_page().unwrap_or((&raw const WITHOUT_PAGE).cast_mut());
    match WORD.compare_exchange(ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => sys::at_fork(in_child),
        // Another thread was faster; the page that is not needed is one page.
        Err(known) => return unsafe_word(known),
    }
    unsafe_word(fresh)
}

fn unsafe_word(known: *mut AtomicU64) -> &'static AtomicU64 {
    // SAFETY: as in `word`; null was excluded.
    unsafe { &*known }
}

/// The first question in this process.
#[cold]
fn begin() -> u64 {
    let next = LAST.load(Ordering::Acquire) + 1;
    let generation = match word().compare_exchange(0, next, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            LAST.store(next, Ordering::Release);
            next
        }
        Err(already) => already,
    };
    close_older_than(generation);
    generation
}

/// What runs in the child before `fork` returns there: atomic stores and `close`, which cannot wait for anything.
extern "C" fn in_child() {
    word().store(0, Ordering::Release);
    close_older_than(u64::MAX);
}

fn close_older_than(generation: u64) {
    for slot in &FILES {
        let file = slot.load(Ordering::Acquire);
        let is_inherited = file != 0 && file >> 32 < generation.min(u64::from(u32::MAX));
        if is_inherited && slot.compare_exchange(file, 0, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            sys::close(file & 0xffff_ffff);
        }
    }
}

/// As long as it lives, a forked child closes the file: the lock on it is then given up when this process dies, and not
/// only when the last of its children does. To be dropped before the file, since the number of a file that is closed may
/// be given to one of the host's at once.
pub(crate) struct ClosedInChild(Option<(&'static AtomicU64, u64)>);

impl ClosedInChild {
    pub(crate) fn new(file: &File) -> Self {
        let entry = sys::descriptor(file).map(|descriptor| generation() << 32 | (descriptor + 1));
        let is_taken =
            |slot: &&AtomicU64, entry| slot.compare_exchange(0, entry, Ordering::AcqRel, Ordering::Acquire).is_ok();
        Self(entry.and_then(|entry| Some((FILES.iter().find(|slot| is_taken(slot, entry))?, entry))))
    }
}

impl Drop for ClosedInChild {
    fn drop(&mut self) {
        if let Some((slot, entry)) = self.0 {
            let _ = slot.compare_exchange(entry, 0, Ordering::AcqRel, Ordering::Acquire);
        }
    }
}

/// A value of this process alone: made when it is first asked for, made anew in a forked child.
///
/// Asking never waits for another thread, since in a child that thread may not exist. Two that ask at once may both make
/// a value, of which one is dropped unused: making must have no effects.
pub(crate) struct PerProcess<T, F = fn() -> T> {
    made: AtomicPtr<Made<T>>,
    make: F,
}

struct Made<T> {
    generation: u64,
    value: T,
}

impl<T, F> PerProcess<T, F> {
    pub(crate) const fn new(make: F) -> Self {
        Self { made: AtomicPtr::new(ptr::null_mut()), make }
    }
}

impl<T: Send + Sync, F: Fn() -> T> PerProcess<T, F> {
    /// The value of this process.
    pub(crate) fn get(&self) -> &T {
        let generation = generation();
        loop {
            let known = self.made.load(Ordering::Acquire);
            // SAFETY: it is null or leads to a box that is freed by `drop` only, which has the value for itself.
            match unsafe { known.as_ref() } {
                Some(made) if made.generation == generation => return &made.value,
                _ => self.renew(generation, known),
            }
        }
    }

    #[cold]
    fn renew(&self, generation: u64, known: *mut Made<T>) {
        let fresh = Box::into_raw(Box::new(Made { generation, value: (self.make)() }));
        if self.made.compare_exchange(known, fresh, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: nobody else has seen it.
            drop(unsafe { Box::from_raw(fresh) });
        }
        // A value that it replaced is the parent's copy, and is leaked.
    }

    /// The value, if this process has made one.
    #[cfg(test)]
    pub(crate) fn made(&self) -> Option<&T> {
        let known = self.made.load(Ordering::Acquire);
        // SAFETY: as in `get`.
        let made = unsafe { known.as_ref() }?;
        (made.generation == generation()).then_some(&made.value)
    }
}

impl<T, F> Drop for PerProcess<T, F> {
    fn drop(&mut self) {
        let known = *self.made.get_mut();
        // SAFETY: as in `get`; and `&mut self` says that no reference is left.
        let is_ours = unsafe { known.as_ref() }.is_some_and(|made| made.generation == generation());
        if is_ours {
            // SAFETY: it came from `Box::into_raw` and is freed once, here.
            drop(unsafe { Box::from_raw(known) });
        }
    }
}

/// A value that is the business of the process that made it: a copy in a forked child is never dropped.
pub(crate) struct AtHome<T> {
    value: ManuallyDrop<T>,
    generation: u64,
}

impl<T> AtHome<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: ManuallyDrop::new(value), generation: generation() }
    }

    /// This is the process that made it.
    pub(crate) fn is_here(&self) -> bool {
        self.generation == generation()
    }
}

impl<T> Deref for AtHome<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Drop for AtHome<T> {
    fn drop(&mut self) {
        if self.is_here() {
            // SAFETY: this is the only drop, and nobody can use the value after it.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}

#[cfg(unix)]
mod sys {
    use std::fs::File;
    use std::os::fd::AsRawFd;
    use std::sync::atomic::AtomicU64;

    /// A page that is zero again in every child.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn wiped_page() -> Option<*mut AtomicU64> {
        // Large enough for a page of any machine; the kernel rounds up.
        const BYTES: usize = 64 * 1024;
        // SAFETY: a fresh private mapping at an address of the kernel's choice touches no memory of anybody; it is
        // page-aligned, zero, and never unmapped unless nobody has seen it.
        unsafe {
            let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let page = libc::mmap(std::ptr::null_mut(), BYTES, access, kind, -1, 0);
            if page == libc::MAP_FAILED {
                return None;
            }
            if libc::madvise(page, BYTES, libc::MADV_WIPEONFORK) != 0 {
                libc::munmap(page, BYTES);
                return None;
            }
            Some(page.cast())
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn wiped_page() -> Option<*mut AtomicU64> {
        None
    }

    pub(super) fn at_fork(child: extern "C" fn()) {
        // SAFETY: the hook is a function of this crate that does only what is allowed between `fork` and `exec`. A
        // shared object with a hook in it is unloaded never: Python and Node do not close extension modules.
        unsafe { libc::pthread_atfork(None, None, Some(child)) };
    }

    pub(super) fn close(descriptor_and_1: u64) {
        if let Ok(descriptor) = i32::try_from(descriptor_and_1) {
            // SAFETY: the descriptor belongs to a file that only the parent uses; its owner in this process is leaked.
            unsafe { libc::close(descriptor - 1) };
        }
    }

    pub(super) fn descriptor(file: &File) -> Option<u64> {
        u64::try_from(file.as_raw_fd()).ok()
    }
}

#[cfg(not(unix))]
mod sys {
    use std::fs::File;
    use std::sync::atomic::AtomicU64;

    pub(super) const fn wiped_page() -> Option<*mut AtomicU64> {
        None
    }

    pub(super) const fn at_fork(_child: extern "C" fn()) {}

    pub(super) const fn close(_descriptor_and_1: u64) {}

    pub(super) const fn descriptor(_file: &File) -> Option<u64> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
pub(crate) mod tests;
