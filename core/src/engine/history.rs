//! What was recorded before, at the prices of now.

use super::Llmlab;
use crate::error::Result;
use crate::event::Call;
use crate::ledger::{Ledger, Repriced, Repricing, catch_up};

impl Llmlab {
    /// Charges what the ledger of this home has anew with the prices of this client: those in force when each call was made.
    /// What waits in the spool is taken in before. See [`Ledger::reprice`] for what is kept, and what cannot be reached.
    /// It reads every call that is meant, so it takes its time; from any thread, but not in a process that was forked from
    /// one that had the ledger open.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use llmlab::{Config, Llmlab, Options, clock::SystemClock};
    /// use llmlab::ledger::Repricing;
    /// # let home = tempfile::tempdir().unwrap();
    /// # let variable = |name: &str| (name == "LLMLAB_HOME").then(|| home.path().to_string_lossy().into_owned());
    /// # let lab = Llmlab::new(Config::resolve(Options::default(), &variable)?, Arc::new(SystemClock))?;
    /// let told = lab.reprice(&Repricing { is_dry_run: true, ..Repricing::default() })?;
    /// assert_eq!((told.calls, told.changed), (0, 0), "nothing was recorded here");
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`crate::ErrorCode::Storage`]; a second call goes on where this one stopped.
    pub fn reprice(&self, repricing: &Repricing) -> Result<Repriced> {
        catch_up(&self.core.config.home)?;
        let path = Ledger::path_in(&self.core.config.home);
        let catalogue = self.catalogue();
        let price_of = |call: &Call, status, unix_ns| catalogue.charge(call, status, unix_ns);
        let mut ledger =
            if repricing.is_dry_run || !path.exists() { Ledger::read(&path)? } else { Ledger::open(&path)? };
        ledger.reprice(repricing, &price_of)
    }
}
