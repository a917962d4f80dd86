use std::collections::BTreeSet;

use super::lines::{LINE_START, TAIL_BYTES};
use super::*;
use crate::spool::testing::{call, header};

const UNBOUNDED: u64 = u64::MAX;

fn batch(counters: std::ops::Range<u64>) -> Batch {
    Batch { id: format!("{counters:?}"), origin: header().origin, events: counters.map(call).collect() }
}

fn lines(path: &Path) -> Vec<serde_json::Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(path: &Path) -> Vec<String> {
    lines(path).iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

fn sink(folder: &tempfile::TempDir, max_bytes: u64, keep: u32) -> (JsonlSink, PathBuf) {
    let path = folder.path().join("logs/events.jsonl");
    (JsonlSink::new(&path, max_bytes, keep), path)
}

#[test]
fn a_line_is_the_exported_form_of_an_event() {
    let folder = tempfile::tempdir().unwrap();
    let (mut sink, path) = sink(&folder, UNBOUNDED, 0);
    sink.deliver(&[batch(0..2), batch(2..3)]).unwrap();
    let expected: Vec<_> = (0..3).map(|counter| serde_json::to_value(call(counter)).unwrap()).collect();
    assert_eq!(lines(&path), expected);
}

#[test]
fn a_full_file_is_numbered_and_the_oldest_goes() {
    let folder = tempfile::tempdir().unwrap();
    let line_bytes = (0..9).map(|counter| line(&call(counter)).unwrap().len() as u64).max().unwrap();
    let (mut sink, path) = sink(&folder, 2 * line_bytes, 2);
    sink.deliver(&[batch(0..3), batch(3..9)]).unwrap();
    let names: BTreeSet<_> =
        fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["events.jsonl", "events.jsonl.1", "events.jsonl.2"].map(Into::into).into());
    let numbered = |number| ids(&sink.numbered(number));
    let expected = |counters: [u64; 2]| counters.map(|counter| call(counter).id.to_string()).to_vec();
    assert_eq!(ids(&path), [call(8).id.to_string()]);
    assert_eq!((numbered(1), numbered(2)), (expected([6, 7]), expected([4, 5])));
}

#[test]
fn a_limit_below_one_line_still_takes_every_line() {
    let folder = tempfile::tempdir().unwrap();
    let (mut sink, path) = sink(&folder, 1, 0);
    sink.deliver(&[batch(0..3)]).unwrap();
    assert_eq!(ids(&path), [call(2).id.to_string()]);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn half_a_line_of_a_killed_process_is_taken_away_wherever_it_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (mut sink, path) = sink(&folder, UNBOUNDED, 0);
    let last = line(&call(1)).unwrap();
    for cut in (0..20).chain((20..last.len()).step_by(50)).chain([last.len() - 1]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut torn = line(&call(0)).unwrap();
        torn.extend_from_slice(&last[..cut]);
        fs::write(&path, torn).unwrap();
        sink.deliver(&[batch(1..2)]).unwrap();
        assert_eq!(ids(&path), [call(0), call(1)].map(|event| event.id.to_string()), "cut after {cut} bytes");
    }
}

#[test]
fn half_a_line_longer_than_what_is_read_at_once_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (mut sink, path) = sink(&folder, UNBOUNDED, 0);
    for whole in [0, 1] {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut torn = line(&call(0)).unwrap().repeat(whole);
        torn.extend_from_slice(LINE_START);
        torn.resize(torn.len() + 3 * usize::try_from(TAIL_BYTES).unwrap(), b'x');
        fs::write(&path, torn).unwrap();
        sink.deliver(&[batch(1..2)]).unwrap();
        assert_eq!(lines(&path).len(), whole + 1);
    }
}

#[test]
fn what_somebody_else_wrote_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (mut sink, path) = sink(&folder, UNBOUNDED, 0);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "a note without an end").unwrap();
    sink.deliver(&[batch(0..1)]).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let (note, rest) = text.split_once('\n').unwrap();
    assert_eq!(note, "a note without an end");
    assert_eq!(rest.as_bytes(), line(&call(0)).unwrap());
}

#[test]
fn writers_at_the_same_path_never_mix_their_lines() {
    const WRITERS: u64 = 4;
    const BATCHES: u64 = 30;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let max_bytes = 10 * line(&call(0)).unwrap().len() as u64;
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let path = &path;
            scope.spawn(move || {
                let mut sink = JsonlSink::new(path, max_bytes, 1_000);
                for number in 0..BATCHES {
                    let first = (writer * BATCHES + number) * 3;
                    while sink.deliver(&[batch(first..first + 3)]).is_err() {}
                }
            });
        }
    });
    let mut found: Vec<_> =
        fs::read_dir(folder.path()).unwrap().flat_map(|entry| ids(&entry.unwrap().path())).collect();
    found.sort();
    let mut expected: Vec<_> = (0..WRITERS * BATCHES * 3).map(|counter| call(counter).id.to_string()).collect();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_path_that_cannot_be_a_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("file");
    fs::write(&in_the_way, "").unwrap();
    for path in [folder.path().to_owned(), in_the_way.join("events.jsonl"), PathBuf::from("/dev/null")] {
        let error = JsonlSink::new(&path, UNBOUNDED, 1).deliver(&[batch(0..1)]).unwrap_err();
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}

/// It would stop every other sink with it.
#[test]
fn a_process_that_was_stopped_while_it_wrote_does_not_stop_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let mut sink = JsonlSink::new(&path, UNBOUNDED, 0);
    let held = LinesFile::open(&path).unwrap();
    assert!(sink.deliver(&[batch(0..1)]).unwrap_err().to_string().contains("another process keeps it locked"));
    drop(held);
    assert!(sink.deliver(&[batch(0..1)]).unwrap()[0].accounts_for(1));
}
