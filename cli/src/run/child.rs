//! The program under `llmlab run`: it has the terminal to itself, gets the signals meant for it, and its end is ours.

use std::io;
#[cfg(unix)]
use std::process::Stdio;
use std::process::{Command, ExitStatus};

/// Runs a command to its end and returns its exit code as shells do: its own, or 128 + N if signal N ended it.
///
/// # Errors
/// The command could not be started.
#[cfg(unix)]
pub(crate) fn supervise(command: &mut Command) -> io::Result<i32> {
    use signal_hook::consts::signal::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    use signal_hook::iterator::SignalsInfo;
    use signal_hook::iterator::exfiltrator::origin::WithOrigin;

    command.stdin(copy(&io::stdin())).stdout(copy(&io::stdout())).stderr(copy(&io::stderr()));
    // The program starts before there are handlers, because it must inherit what `nohup` or a shell ignores; a handler
    // would turn that into the default action. (Neither can the signals of this moment be blocked: it would inherit that.)
    let mut child = command.spawn()?;
    let signals = [SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];
    let Ok(mut signals) = SignalsInfo::<WithOrigin>::new(signals) else {
        return child.wait().map(exit_code);
    };
    // One thread both forwards and reaps, so that a signal never reaches another process that took over the child's id.
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(exit_code(status));
        }
        for origin in signals.wait() {
            forward(&origin, child.id());
        }
    }
}

/// Node marks its standard streams as not to be inherited; a copy is.
#[cfg(unix)]
fn copy(stream: &impl std::os::fd::AsFd) -> Stdio {
    stream.as_fd().try_clone_to_owned().map_or_else(|_| Stdio::inherit(), Stdio::from)
}

/// Hands on a signal that a process sent to us. Those of the terminal (Ctrl-C, Ctrl-\, hanging up) come from the kernel
/// and reach the whole process group, the program included: handed on, it would get them twice, and many programs take
/// the second Ctrl-C for impatience.
#[cfg(unix)]
fn forward(origin: &signal_hook::low_level::siginfo::Origin, child: u32) {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    use signal_hook::low_level::siginfo::Cause;

    if let (Cause::Sent(_), Ok(child), Ok(signal)) =
        (origin.cause, i32::try_from(child), Signal::try_from(origin.signal))
    {
        // The program may have ended meanwhile, which the next look tells.
        let _ = kill(Pid::from_raw(child), signal);
    }
}

#[cfg(unix)]
fn exit_code(status: ExitStatus) -> i32 {
    use crate::failure::exit_code::{FAILURE, SIGNAL_BASE};
    use std::os::unix::process::ExitStatusExt;

    status.code().or_else(|| status.signal().map(|signal| SIGNAL_BASE + signal)).unwrap_or(FAILURE)
}

/// Runs a command to its end and returns its exit code. The console delivers Ctrl-C to both processes.
///
/// # Errors
/// The command could not be started.
#[cfg(not(unix))]
pub(crate) fn supervise(command: &mut Command) -> io::Result<i32> {
    let status: ExitStatus = command.status()?;
    Ok(status.code().unwrap_or(crate::failure::exit_code::FAILURE))
}
