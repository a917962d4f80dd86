//! Lists from a real server, on real and on failing disks.
//!
//! Sabotage that turns these red: in `offer`, leave `key.verify` out, or the bound of `get`; in `kept`, write the books
//! before the list, leave `sync` out, or leave the checksum out of `list`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;
use crate::error::{Error, ErrorCode};
use crate::http::tests::{authority, encryption, serve};
use crate::sink::Endpoint;
use crate::spool::testing::model::{Fault, Journal, ModelDisk};

fn list(version: u64, models: &[(&str, &str)]) -> String {
    let line = |(id, input): &(&str, &str)| {
        format!(
            "{{\"provider\":\"p\",\"id\":\"{id}\",\"periods\":[{{\"rates\":{{\"standard\":{{\"input\":\"{input}\"}}}}}}]}}\n"
        )
    };
    let lines: String = models.iter().map(line).collect();
    format!("{{\"llmlab_prices\":1,\"version\":{version}}}\n{lines}")
}

const V1: u64 = 20_980_101_001;

fn key() -> SigningKey {
    SigningKey::from_pem(&SigningKey::generate().unwrap()).unwrap()
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn at(url: String) -> Endpoint {
    Endpoint { url, headers: Vec::new(), api_key: None, ca_file: None }
}

/// What comes of the answers of a server on this machine.
fn fetched(answers: &[String], key: &PublicKey) -> Result<Offer, Error> {
    let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
    let (port, _seen) = serve(&answers, |stream| stream);
    Offer::fetch(&at(format!("http://127.0.0.1:{port}/prices.jsonl")), key)
}

fn kept(version: u64, price: &str) -> (String, Kept) {
    let text = list(version, &[("m", price)]);
    let kept = Kept::new(&text, version, "https://prices.example.com/list.jsonl", 0, false);
    (text, kept)
}

fn version(lists: &Lists) -> Result<Option<u64>, String> {
    lists.current().map(|current| current.map(|(_, list)| list.version()))
}

#[test]
fn a_signature_of_openssl_is_understood_and_its_key() {
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIMfkCEEhXH9A16qbAyluUOntiIRzJOP5QhHZBxWM7lre\n-----END PRIVATE KEY-----\n";
    let key = SigningKey::from_pem(pem).unwrap();
    assert_eq!(key.public().to_string(), "MEwuGA8rOcTpkj1cGvvESEzeMutICZTKR7i/fBsIacM=");
    let signature = "DAqrIgVcexUJIoJZuujDyGY689Q6A50YcGKMBXuGkmNtdOZpwzgBwjTLyDgxzUN7jxdTgvSf5ZVwo37VoCSeAg==\n";
    assert_eq!(key.sign(b"one list\n"), signature);
    key.public().verify(b"one list\n", signature.as_bytes()).unwrap();
    assert!(!format!("{key:?}").contains("MC4C"));
    assert_eq!(SigningKey::from_pem("no key").unwrap_err().code(), ErrorCode::InvalidConfig);
}

#[test]
fn a_signed_list_is_fetched_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let (ca_file, config) = authority(folder.path(), "localhost", 4000);
    let (key, text) = (key(), list(V1, &[("m", "1")]));
    let answers = [ok(&text), ok(&key.sign(text.as_bytes()))];
    let (port, seen) = serve(&[&answers[0], &answers[1]], encryption(config));
    let url = format!("https://localhost:{port}/prices.jsonl");
    let offer = Offer::fetch(&Endpoint { ca_file: Some(ca_file), ..at(url) }, &key.public()).unwrap();
    assert_eq!(offer.version, V1);
    assert!(seen.recv().unwrap().head.starts_with("GET /prices.jsonl HTTP/1.1\r\n"));
    assert!(seen.recv().unwrap().head.starts_with("GET /prices.jsonl.sig HTTP/1.1\r\n"));
}

#[test]
fn what_is_not_the_publishers_or_not_whole_is_refused() {
    let (ours, text) = (key(), list(V1, &[("m", "1")]));
    let signed = |text: &str, key: &SigningKey| [ok(text), ok(&key.sign(text.as_bytes()))];
    fetched(&signed(&text, &ours), &ours.public()).unwrap();
    let [good, signature] = signed(&text, &ours);
    let half = &text[..text.len() / 2];
    let no_list = "[]\n";
    for (answers, code, word) in [
        ([ok(&text.replace("\"1\"", "\"2\"")), signature.clone()], ErrorCode::InvalidPrices, "signature"),
        (signed(&text, &key()), ErrorCode::InvalidPrices, "signature"),
        ([good.clone(), ok("???")], ErrorCode::InvalidPrices, "base64"),
        ([good.clone(), ok("")], ErrorCode::InvalidPrices, "signature"),
        ([ok(half), signature.clone()], ErrorCode::InvalidPrices, "signature"),
        (signed(half, &ours), ErrorCode::InvalidPrices, "EOF"),
        (signed(no_list, &ours), ErrorCode::InvalidPrices, "header"),
        (
            [
                good.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n")
                    .replace("content-length: ", "content-length: 9"),
                signature.clone(),
            ],
            ErrorCode::Unreachable,
            "cannot be fetched",
        ),
        (
            ["HTTP/1.1 302 F\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n".to_owned(), signature.clone()],
            ErrorCode::Unreachable,
            "redirects",
        ),
        (["HTTP/1.1 404 N\r\ncontent-length: 0\r\n\r\n".to_owned(), signature.clone()], ErrorCode::Unreachable, "404"),
        ([good.clone(), "HTTP/1.1 404 N\r\ncontent-length: 0\r\n\r\n".to_owned()], ErrorCode::Unreachable, ".sig"),
        ([good, ok(&"A".repeat(1025))], ErrorCode::Unreachable, "too long"),
        ([ok(&"x".repeat(List::MAX_BYTES + 1)), signature], ErrorCode::Unreachable, "too long"),
    ] {
        let error = fetched(&answers, &ours.public()).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
}

#[test]
fn what_speaks_against_a_list_is_said() {
    let (_, disk) = (0, ModelDisk::default());
    let lists = Lists::on(std::sync::Arc::new(disk), Path::new("/home"));
    let current = [("a", "1"), ("b", "1"), ("c", "1")];
    let weighed = |text: String| {
        let current = List::read(&list(V1, &current)).unwrap();
        Offer::of(text.into_bytes(), "there").unwrap().weigh_against(&lists, Some(current)).unwrap().objections
    };
    let of = |a: &str| list(V1 + 1, &[("a", a), ("b", "1"), ("c", "1"), ("d", "1")]);
    assert_eq!(weighed(of("1.5")), []);
    assert_eq!(weighed(of("100")), []);
    for leap in ["100.1", "0.0099", "0"] {
        assert_eq!(weighed(of(leap)), [Objection::Leaps(1)], "{leap}");
    }
    for old in [V1, V1 - 1] {
        assert_eq!(weighed(list(old, &current)), [Objection::NotNewer { current: V1, offered: old }]);
    }
    assert_eq!(weighed(list(V1 + 1, &current[..2])), [Objection::FewerModels { current: 3, offered: 2 }]);
}

#[test]
fn a_list_is_in_force_from_the_next_client_and_can_be_taken_back() {
    let home = tempfile::tempdir().unwrap();
    let lists = Lists::of(home.path());
    assert!(matches!(in_force(home.path()), (None, None)));
    for (number, price) in [(0, "1"), (1, "2")] {
        let (text, _) = kept(V1 + number, price);
        let weighed = Offer::of(text.into_bytes(), "there").unwrap().weigh(home.path()).unwrap();
        weighed.take(home.path(), 0).unwrap();
        assert_eq!(in_force(home.path()).0.unwrap().version(), V1 + number);
    }
    let catalogue = catalogue(home.path(), "").unwrap();
    assert_eq!((catalogue.version(), catalogue.models("p").unwrap()), (V1 + 1, vec!["m".to_owned()]));
    assert!(catalogue.models("openai").is_none());
    assert_eq!(lists.roll_back().unwrap().map(|kept| kept.version), Some(V1));
    assert_eq!(version(&lists), Ok(Some(V1)));
    lists.roll_back().unwrap();
    assert_eq!(version(&lists), Ok(Some(V1 + 1)));
}

#[test]
fn the_first_list_can_be_taken_back_to_what_is_built_in() {
    let home = tempfile::tempdir().unwrap();
    let lists = Lists::of(home.path());
    assert!(lists.roll_back().unwrap_err().to_string().contains("no list was ever taken"));
    let (text, kept) = kept(V1, "1");
    lists.take(&text, kept, None).unwrap();
    assert_eq!(lists.roll_back().unwrap(), None);
    assert!(matches!(in_force(home.path()), (None, None)));
}

#[test]
fn an_older_list_than_the_built_in_prices_is_in_force_only_if_that_is_wanted() {
    let home = tempfile::tempdir().unwrap();
    let (text, mut old) = kept(20_200_101_001, "1");
    Lists::of(home.path()).take(&text, old.clone(), None).unwrap();
    assert!(matches!(in_force(home.path()), (None, None)));
    old.pinned = true;
    Lists::of(home.path()).take(&text, old, Some(20_200_101_001)).unwrap();
    assert_eq!(in_force(home.path()).0.unwrap().version(), 20_200_101_001);
}

fn list_file(home: &Path) -> PathBuf {
    let files = fs::read_dir(home.join("prices")).unwrap().map(|entry| entry.unwrap().path());
    files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "jsonl")).unwrap()
}

#[test]
fn what_is_damaged_on_disk_is_not_used_and_is_said_once() {
    let damage: [fn(&Path); 5] = [
        |home| fs::write(list_file(home), "").unwrap(),
        |home| {
            let file = list_file(home);
            let text = fs::read_to_string(&file).unwrap().replace("\"1\"", "\"9\"");
            fs::write(file, text).unwrap();
        },
        |home| fs::remove_file(list_file(home)).unwrap(),
        |home| fs::write(home.join("prices/current.json"), "{\"current\":").unwrap(),
        |home| {
            fs::remove_file(home.join("prices/current.json")).unwrap();
            fs::create_dir(home.join("prices/current.json")).unwrap();
        },
    ];
    for damage in damage {
        let home = tempfile::tempdir().unwrap();
        let (text, kept) = kept(V1, "1");
        Lists::of(home.path()).take(&text, kept, None).unwrap();
        damage(home.path());
        let (list, notice) = in_force(home.path());
        assert!(list.is_none());
        assert!(notice.as_ref().is_some_and(|notice| notice.contains("llmlab prices update")), "{notice:?}");
    }
}

#[test]
fn an_update_that_fails_at_any_step_leaves_the_old_list_or_the_new_one() {
    for fault in [Fault::Once(std::io::ErrorKind::StorageFull), Fault::Short(7)] {
        for step in 1.. {
            let disk = ModelDisk::default();
            let lists = Lists::on(std::sync::Arc::new(disk.clone()), Path::new("/home"));
            let ((old, old_kept), (new, new_kept)) = (kept(V1, "1"), kept(V1 + 1, "2"));
            lists.take(&old, old_kept, None).unwrap();
            disk.fail(step, fault);
            let outcome = lists.take(&new, new_kept.clone(), Some(V1));
            let was_reached = disk.recover();
            disk.kill();
            let found = version(&lists).unwrap().unwrap();
            assert!(if outcome.is_ok() { found == V1 + 1 } else { found == V1 || found == V1 + 1 }, "step {step}");
            lists.take(&new, new_kept, Some(found)).unwrap();
            assert_eq!(version(&lists), Ok(Some(V1 + 1)), "step {step}");
            if !was_reached {
                break;
            }
        }
    }
}

#[test]
fn a_power_cut_at_any_moment_leaves_the_old_list_or_the_new_one() {
    let disk = ModelDisk::default();
    let lists = Lists::on(std::sync::Arc::new(disk.clone()), Path::new("/home"));
    let ((old, old_kept), (new, new_kept)) = (kept(V1, "1"), kept(V1 + 1, "2"));
    lists.take(&old, old_kept, None).unwrap();
    let first = disk.log_len();
    lists.take(&new, new_kept, Some(V1)).unwrap();
    for at in first..=disk.log_len() {
        for journal in [Journal::Ordered, Journal::None] {
            for choice in 0..3 {
                let mut turn = 0;
                let after = disk.after_power_loss(at, journal, &mut |possibilities| {
                    turn += choice;
                    (choice + turn) % possibilities
                });
                let lists = Lists::on(std::sync::Arc::new(after), Path::new("/home"));
                let found = version(&lists);
                assert!(matches!(found, Ok(Some(V1 | 20_980_101_002))), "{at} {journal:?} {choice}: {found:?}");
            }
        }
    }
}

#[test]
fn readers_see_whole_lists_while_updates_compete() {
    let home = tempfile::tempdir().unwrap();
    let (text, first) = kept(V1, "1");
    Lists::of(home.path()).take(&text, first, None).unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            let (home, is_over) = (home.path(), &is_over);
            thread::Builder::new()
                .spawn_scoped(scope, move || {
                    let mut last = V1;
                    while !is_over.load(Ordering::Acquire) {
                        let found = version(&Lists::of(home)).unwrap().unwrap();
                        assert!(found >= last, "{found} after {last}");
                        last = found;
                    }
                })
                .unwrap();
        }
        let writers: Vec<_> = (0..3)
            .map(|_| {
                let home = home.path();
                let write = move || {
                    let mut taken = 0;
                    while taken < 20 {
                        let lists = Lists::of(home);
                        let current = version(&lists).unwrap().unwrap();
                        let (text, next) = kept(current + 1, "2");
                        // Another one may be faster: then nothing was taken.
                        taken += u64::from(lists.take(&text, next, Some(current)).is_ok());
                    }
                };
                thread::Builder::new().spawn_scoped(scope, write).unwrap()
            })
            .collect();
        let ended: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Release);
        assert!(ended.iter().all(Result::is_ok));
    });
    assert_eq!(version(&Lists::of(home.path())), Ok(Some(V1 + 60)));
    let files = fs::read_dir(home.path().join("prices")).unwrap().count();
    assert_eq!(files, 4, "two lists, the books and the lock");
}
