//! `llmlab spool verify`.

use std::io::Write;

use llmlab::spool::{Verified, verify};
use serde_json::{Value, json};

use crate::amount::{count, counted};
use crate::colour::{BAD, FAINT};
use crate::failure::{Failure, exit_code};
use crate::surroundings::Surroundings;
use crate::table::printable;

pub(super) fn execute(surroundings: &Surroundings) -> Result<i32, Failure> {
    let files = verify(&surroundings.home);
    let is_sound = files.iter().all(Verified::is_sound);
    let mut stdout = anstream::stdout();
    if surroundings.json {
        let files: Vec<_> = files.iter().map(described).collect();
        writeln!(stdout, "{}", json!({ "sound": is_sound, "files": files }))?;
    } else {
        for file in files.iter().filter(|file| !file.is_sound()) {
            let path = printable(&file.path.display().to_string());
            writeln!(stdout, "{BAD}{path}{BAD:#}  {}", findings(file).join("; "))?;
        }
        let (events, torn): (u64, u64) = files
            .iter()
            .fold((0, 0), |(events, torn), file| (events + file.events, torn + u64::from(file.torn_bytes > 0)));
        let sound = files.iter().filter(|file| file.is_sound()).count() as u64;
        let all = files.len() as u64;
        let of_all = if sound == all { String::new() } else { format!(" of {}", count(all)) };
        writeln!(stdout, "{}{of_all} sound, with {}", counted(sound, "file"), counted(events, "event"))?;
        if torn > 0 {
            let note =
                "end in an event that was being written when its process died: nobody was told that it was recorded";
            writeln!(stdout, "{FAINT}{} of them {note}{FAINT:#}", count(torn))?;
        }
    }
    Ok(if is_sound { exit_code::OK } else { exit_code::FAILURE })
}

fn described(file: &Verified) -> Value {
    json!({
        "path": file.path,
        "sound": file.is_sound(),
        "bytes": file.bytes,
        "events": file.events,
        "damaged_bytes": file.damaged_bytes,
        "torn_bytes": file.torn_bytes,
        "unknown_frames": file.unknown_frames,
        "newer_version": file.newer,
        "foreign": file.is_foreign,
        "unreadable": file.unreadable,
    })
}

/// What is wrong with a file, and what to do about it.
fn findings(file: &Verified) -> Vec<String> {
    let mut findings = Vec::new();
    if file.damaged_bytes > 0 {
        let (bytes, events) = (counted(file.damaged_bytes, "byte"), counted(file.events, "event"));
        findings.push(format!("{bytes} damaged; the {events} around them are delivered all the same"));
    }
    if file.unknown_frames > 0 {
        findings.push(format!("{} of a newer llmlab; update this one", counted(file.unknown_frames, "frame")));
    }
    if let Some(version) = file.newer {
        findings.push(format!("of version {version}, which this llmlab does not know; update it"));
    }
    if file.is_foreign {
        findings.push("not a file of llmlab; it is left alone".to_owned());
    }
    if let Some(cause) = &file.unreadable {
        findings.push(format!("cannot be read: {cause}"));
    }
    findings
}
