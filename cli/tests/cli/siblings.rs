//! Sixteen processes on one spool: some are killed, some stopped and continued, and all the while others clean up.
//!
//! Sabotage that turns it red: in the spool, take every writer for dead (the stopped ones' segments are taken from them), or
//! every writer for living (what the killed ones left is never delivered).

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use llmlab::Money;
use llmlab::ledger::{Filter, Ledger};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::home::Home;

/// Long enough for any machine; a hang is a failure and not a wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);
const PROCESSES: usize = 16;
/// Events of each of its two threads: several segments, one of them begun.
const EVENTS: u64 = 275;

/// A recording program, and what it said.
struct Writer {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    issued: HashSet<String>,
    acknowledged: HashMap<String, Money>,
}

impl Writer {
    fn start(home: &Home, name: usize) -> Self {
        let mut command = home.command(["torture-recorder", &name.to_string(), "2", &EVENTS.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (said, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        let listen = move || output.lines().map_while(Result::ok).try_for_each(|line| said.send(line));
        std::thread::Builder::new().spawn(listen).unwrap();
        let stdin = child.stdin.take();
        Self { child, stdin, lines, issued: HashSet::new(), acknowledged: HashMap::new() }
    }

    fn note(&mut self, line: &str) {
        match *line.split(' ').collect::<Vec<_>>() {
            ["issued", key] => _ = self.issued.insert(key.to_owned()),
            ["acknowledged", key, cost] => {
                // A kill may cut the last line short.
                if let Ok(cost) = cost.parse() {
                    self.acknowledged.insert(key.to_owned(), cost);
                }
            }
            _ => {}
        }
    }

    /// Waits until so many events were acknowledged.
    fn wait_for(&mut self, acknowledged: usize) {
        while self.acknowledged.len() < acknowledged {
            let line = self.lines.recv_timeout(PATIENCE).unwrap();
            self.note(&line);
        }
    }

    fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// Reaps it and hears the rest of what it said.
    fn end(mut self) -> (bool, HashSet<String>, HashMap<String, Money>) {
        drop(self.stdin.take());
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.note(&line);
        }
        let is_well = self.child.wait().unwrap().success();
        (is_well, std::mem::take(&mut self.issued), std::mem::take(&mut self.acknowledged))
    }

    /// The segments it is writing to. They are none any more when somebody has removed or renamed them.
    #[cfg(target_os = "linux")]
    fn open_segments(&self) -> HashSet<PathBuf> {
        let descriptors = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let files = descriptors.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
        files.filter(|file| file.extension().is_some_and(|extension| extension == "open")).collect()
    }

    /// Stops it, and waits until it stands still.
    #[cfg(target_os = "linux")]
    fn stop(&self) {
        self.signal(Signal::SIGSTOP);
        let options = nix::sys::wait::WaitPidFlag::WUNTRACED;
        let status = nix::sys::wait::waitpid(self.pid(), Some(options)).unwrap();
        assert_eq!(status, nix::sys::wait::WaitStatus::Stopped(self.pid(), Signal::SIGSTOP));
    }
}

/// Of a test that fails nobody stays behind, standing still for ever.
impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What waits under a folder.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(segments(&path));
        } else if path.extension().is_some_and(|extension| extension == "open" || extension == "ready") {
            found.push(path);
        }
    }
    found
}

#[cfg(target_os = "linux")]
#[test]
fn sixteen_processes_share_a_spool_while_some_are_killed_and_some_stand_still() {
    let home = Home::new();
    let mut writers: Vec<_> = (0..PROCESSES).map(|name| Writer::start(&home, name)).collect();
    for (number, writer) in writers.iter_mut().enumerate() {
        // Each is met at another place between two seals.
        writer.wait_for(1 + number * 13);
    }
    let (killed, rest) = writers.split_at(PROCESSES / 3);
    let (stopped, _running) = rest.split_at(PROCESSES / 3);
    stopped.iter().for_each(Writer::stop);
    let held: Vec<_> = stopped.iter().map(Writer::open_segments).collect();
    assert!(held.iter().any(|segments| !segments.is_empty()), "no stopped writer had a segment");
    for writer in killed {
        writer.signal(Signal::SIGKILL);
    }

    // Four at once adopt what the dead left, while the running ones record.
    let adopters = [["spool", "drain"], ["status", "--json"], ["spool", "drain"], ["status", "--json"]];
    let adopters = adopters.map(|command| home.command(command).stdout(Stdio::null()).spawn().unwrap());
    for mut adopter in adopters {
        // A drain says with its code that the living have something in hand.
        assert!(adopter.wait().unwrap().code().is_some());
    }
    for (writer, held) in stopped.iter().zip(&held) {
        assert_eq!(&writer.open_segments(), held, "a living writer's segments were taken from it");
        assert!(held.iter().all(|segment| segment.exists()), "{held:?}");
        writer.signal(Signal::SIGCONT);
    }

    let (mut issued, mut acknowledged) = (HashSet::new(), HashMap::new());
    for (number, writer) in writers.into_iter().enumerate() {
        let (is_well, its_issued, its_acknowledged) = writer.end();
        assert_eq!(is_well, number >= PROCESSES / 3, "writer {number}");
        issued.extend(its_issued);
        acknowledged.extend(its_acknowledged);
    }
    home.llmlab(["status", "--json"]).well();
    let mut stored = HashMap::new();
    let mut ledger = Ledger::read(&Ledger::path_in(home.path())).unwrap();
    let read = ledger.for_each_event(&Filter::default(), &mut |event| {
        let key = event.attribution.user.clone().unwrap();
        let cost = event.charge.and_then(|charge| charge.total).unwrap();
        assert!(stored.insert(key.clone(), cost).is_none(), "{key} is there twice");
        Ok(())
    });
    read.unwrap();
    for (key, cost) in &acknowledged {
        assert_eq!(stored.get(key), Some(cost), "{key}, of {}", acknowledged.len());
    }
    assert!(stored.keys().all(|key| issued.contains(key)));
    assert_eq!(segments(&home.path().join("spool")), [""; 0].map(PathBuf::from));
}
