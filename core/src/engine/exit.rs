//! The end of a program.

use crate::engine::Llmlab;

/// Waits for deliveries when it is dropped, within the limits of the option `exit_flush`: what [`Llmlab::exit_guard`] gives.
#[derive(Debug)]
#[must_use = "deliveries are waited for when the guard is dropped"]
pub struct ExitGuard(Llmlab);

impl Llmlab {
    /// A guard for the end of `main`, which waits for deliveries: 250 ms by default, see
    /// [`Builder::exit_flush`](crate::Builder::exit_flush).
    ///
    /// It is not needed to keep what was recorded: an event is in the spool when [`record`](Llmlab::record) returns, and
    /// survives `std::process::exit` and `kill -9`. What no sink has by then is delivered by the next process of this
    /// project, or by `llmlab status`. A program whose disk is lost with it, such as a function or a container, needs it, or
    /// a [`shutdown`](Llmlab::shutdown) before it leaves. Statics are not dropped in Rust: keep the guard in `main`.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// use llmlab::Llmlab;
    ///
    /// let lab = Llmlab::builder().home(home.path()).build()?;
    /// let _exit = lab.exit_guard();
    /// lab.track_call("openai", "gpt-4o-mini").input_tokens(1_000).record();
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub fn exit_guard(&self) -> ExitGuard {
        ExitGuard(self.clone())
    }
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
        self.0.exit_flush();
    }
}
