//! Sabotage that turns these red: in `prices update`, take what has objections, or leave the signature unread.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::home::{Answer, Home, call};

/// A server on this machine that has some files.
struct Server {
    url: String,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/prices.jsonl", listener.local_addr().unwrap());
        let files = Arc::new(Mutex::new(BTreeMap::<String, Vec<u8>>::new()));
        let served = Arc::clone(&files);
        let serve = move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while reader.read_line(&mut head).is_ok_and(|bytes| bytes > 2) {}
                let path = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
                let file = served.lock().unwrap().get(&path).cloned();
                let (status, body) = file.map_or((404, Vec::new()), |body| (200, body));
                let head =
                    format!("HTTP/1.1 {status} -\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(&[head.into_bytes(), body].concat());
            }
        };
        std::thread::Builder::new().spawn(serve).unwrap();
        Self { url, files }
    }

    fn has(&self, name: &str, bytes: impl Into<Vec<u8>>) {
        self.files.lock().unwrap().insert(name.to_owned(), bytes.into());
    }
}

/// A publisher: a key, and lists that are the built-in prices but for some lines.
struct Publisher {
    home: Home,
    server: Server,
    key: String,
}

impl Publisher {
    fn new() -> Self {
        let home = Home::new();
        let key_file = home.path().join("key.pem");
        let key = home.llmlab(["prices", "keygen", key_file.to_str().unwrap()]).well().stdout.trim().to_owned();
        Self { home, server: Server::start(), key }
    }

    fn publish(&self, version: u64, lines: &str) -> String {
        let path = |name: &str| self.home.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("own.jsonl"), lines).unwrap();
        let number = version.to_string();
        let list = self.home.llmlab(["prices", "pack", &path("own.jsonl"), "--number", &number]).well().stdout;
        self.publish_text(&list);
        list
    }

    fn publish_text(&self, list: &str) {
        let path = |name: &str| self.home.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("list.jsonl"), list).unwrap();
        self.home.llmlab(["prices", "sign", &path("key.pem"), &path("list.jsonl")]).well();
        self.server.has("prices.jsonl", list);
        self.server.has("prices.jsonl.sig", std::fs::read(path("list.jsonl.sig")).unwrap());
    }

    fn update(&self, home: &Home, options: &[&str]) -> Answer {
        let asked = ["prices", "update", "--from", &self.server.url, "--key", &self.key];
        home.llmlab([&asked, options].concat())
    }
}

fn mini(input: &str) -> String {
    format!(
        "{{\"provider\":\"openai\",\"id\":\"gpt-4o-mini\",\"aliases\":[\"gpt-4o-mini-2024-07-18\"],\"periods\":[{{\"rates\":\
         {{\"standard\":{{\"input\":\"{input}\",\"output\":\"0.6\",\"web_searches\":\"0.01\",\"file_searches\":\"0.0025\"}}}}}}]}}\n"
    )
}

fn cost(home: &Home) -> String {
    let asked = ["price", "openai/gpt-4o-mini", "--input", "1000000", "--json"];
    home.llmlab(asked).well().json()["cost_usd"].to_string()
}

const DAY_1: u64 = 20_980_101_001;
const DAY_2: u64 = 20_980_102_001;

#[test]
fn a_signed_list_is_taken_and_every_client_uses_it_and_events_tell() {
    let (publisher, home) = (Publisher::new(), Home::new());
    assert_eq!(cost(&home), "0.15");
    publisher.publish(DAY_1, &mini("0.3"));
    let dry = publisher.update(&home, &["--dry-run"]).well().stdout;
    let line = dry.lines().find(|line| line.contains("standard   input")).unwrap_or_default();
    assert!(line.contains("openai/gpt-4o-mini") && line.contains("$0.15 per 1M"), "{dry}");
    assert!(line.contains("→ $0.3 per 1M") && dry.contains("prices that change: "), "{dry}");
    assert_eq!(cost(&home), "0.15");
    assert!(!home.path().join("prices").exists(), "a dry run leaves nothing behind");

    let taken = publisher.update(&home, &["--json"]).well().json();
    assert_eq!((&taken["taken"], &taken["difference"]["new_version"]), (&json!(true), &json!(DAY_1)));
    assert_eq!(cost(&home), "0.3");
    home.record("{}", [call("openai", "gpt-4o-mini")]);
    let event: Value = serde_json::from_str(home.llmlab(["export"]).well().stdout.trim()).unwrap();
    assert_eq!((&event["catalogue_version"], event["cost_usd"].to_string()), (&json!(DAY_1), "0.0006".to_owned()));
    assert!(publisher.update(&home, &[]).well().stdout.contains("in force already"));

    publisher.publish(DAY_2, &mini("0.6"));
    publisher.update(&home, &[]).well();
    assert_eq!(cost(&home), "0.6");
    let back = home.llmlab(["prices", "update", "--rollback"]).well().stdout;
    assert!(back.contains(&DAY_1.to_string()), "{back}");
    assert_eq!(cost(&home), "0.3");
    home.llmlab(["prices", "update", "--rollback"]).well();
    assert_eq!(cost(&home), "0.6");

    let own = home.path().join("own.jsonl");
    std::fs::write(&own, mini("9")).unwrap();
    std::fs::write(home.path().join("config.json"), json!({ "prices": own }).to_string()).unwrap();
    assert_eq!(cost(&home), "9", "the user's own prices go before the list");
}

#[test]
fn what_is_not_signed_by_the_key_changes_nothing() {
    let (publisher, home) = (Publisher::new(), Home::new());
    let list = publisher.publish(DAY_1, &mini("0.3"));
    let other = Publisher::new().key;
    let wrong_key = home.llmlab(["prices", "update", "--from", &publisher.server.url, "--key", &other]);
    assert!(wrong_key.code == Some(1) && wrong_key.stderr.contains("signature"), "{}", wrong_key.stderr);
    for tampered in [list.replace("\"0.3\"", "\"0.2\""), list[..list.len() - 9].to_owned(), String::new()] {
        publisher.server.has("prices.jsonl", tampered);
        let answer = publisher.update(&home, &[]);
        assert!(answer.code == Some(1) && answer.stderr.contains("signature"), "{}", answer.stderr);
    }
    publisher.server.files.lock().unwrap().clear();
    let gone = publisher.update(&home, &["--json"]);
    let error: Value = serde_json::from_str(&gone.stderr).unwrap();
    assert_eq!((gone.code, &error["error"]["code"]), (Some(1), &json!("unreachable")));
    assert!(!home.path().join("prices").exists());
}

#[test]
fn an_old_a_short_and_a_leaping_list_are_taken_only_where_that_is_said() {
    let (publisher, home) = (Publisher::new(), Home::new());
    publisher.publish(DAY_2, &mini("0.3"));
    publisher.update(&home, &[]).well();
    let refused = |options: &[&str], fix: &str| {
        let answer = publisher.update(&home, options);
        assert!(answer.code == Some(1) && answer.stderr.contains(fix), "{fix}: {}", answer.stderr);
    };
    publisher.publish(DAY_1, &mini("0.3"));
    refused(&["--accept-changes"], "--force");
    publisher.update(&home, &["--force"]).well();
    publisher.publish(DAY_2 + 1, &mini("0"));
    refused(&["--force"], "--accept-changes");
    let page = publisher.update(&home, &["--accept-changes"]).well().stdout;
    assert!(page.contains("a leap"), "{page}");
    assert_eq!(cost(&home), "0");
    publisher.publish_text(&format!("{{\"llmlab_prices\":1,\"version\":{}}}\n{}", DAY_2 + 2, mini("0.3")));
    refused(&[], "cut off");
}

#[test]
fn a_damaged_list_is_not_used_and_that_is_said() {
    let (publisher, home) = (Publisher::new(), Home::new());
    publisher.publish(DAY_1, &mini("0.3"));
    publisher.update(&home, &[]).well();
    for entry in std::fs::read_dir(home.path().join("prices")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(path, &text[..text.len() / 2]).unwrap();
        }
    }
    assert_eq!(cost(&home), "0.15");
    let shown = home.llmlab(["prices", "show", "openai/gpt-4o-mini"]);
    assert!(shown.code == Some(0) && shown.stderr.contains("is not what was taken"), "{}", shown.stderr);
    let notices = home.client("{}").take_notices();
    assert!(notices.len() == 1 && notices[0].contains("llmlab prices update"), "{notices:?}");
}

#[test]
fn what_is_missing_or_wrong_is_said_with_the_fix() {
    let home = Home::new();
    for (arguments, code, words) in [
        (&["prices", "update"][..], 2, &["--from URL", "prices_url", "LLMLAB_PRICES_URL"][..]),
        (&["prices", "update", "--from", "https://prices.example.com/l"], 2, &["--key KEY", "prices_key"]),
        (&["prices", "update", "--from", "http://prices.example.com/l", "--key", "x"], 1, &["--from", "https"]),
        (
            &["prices", "update", "--from", "https://prices.example.com/l", "--key", "x"],
            1,
            &["--key", "\"x\"", "base64"],
        ),
        (&["prices", "update", "--rollback"], 1, &["no list was ever taken"]),
        (&["prices", "diff"], 2, &["--against"]),
        (&["prices", "diff", "/nowhere/list"], 1, &["/nowhere/list"]),
        (&["prices", "show", "openai/gpt-5-minni"], 1, &["gpt-5-minni", "gpt-5-mini"]),
        (&["prices", "list", "nobody"], 1, &["nobody", "openai"]),
    ] {
        let answer = home.llmlab(arguments);
        assert_eq!(answer.code, Some(code), "{arguments:?}: {}", answer.stderr);
        assert!(words.iter().all(|word| answer.stderr.contains(word)), "{arguments:?}: {}", answer.stderr);
    }
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn a_model_is_shown_with_its_tiers_periods_and_sources() {
    let home = Home::new();
    let page = home.llmlab(["prices", "show", "openai/gpt-5.4"]).well().stdout;
    for word in
        ["openai/gpt-5.4", "from ever, in force", "standard, from 272001 input", "batch", "per 1M", "sources litellm"]
    {
        assert!(page.contains(word), "{word}: {page}");
    }
    let text = home.llmlab(["prices", "show", "GPT-4o-mini", "--json"]).well().stdout;
    assert!(text.contains(r#""terms":"standard","dimension":"input","usd":0.15,"per":1000000"#), "{text}");
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&json["matched_by"], &json["source"], &json["provider"]),
        (&json!("alias"), &Value::Null, &json!("openai"))
    );
}

#[test]
fn the_catalogue_is_listed_by_provider_and_by_model() {
    let home = Home::new();
    let json = home.llmlab(["prices", "list", "--json"]).well().json();
    let openai =
        json["providers"].as_array().unwrap().iter().find(|provider| provider["provider"] == "openai").unwrap();
    let models = home.llmlab(["prices", "list", "OpenAI", "--json"]).well().json();
    assert_eq!(openai["models"], models["models"].as_array().unwrap().len());
    let page = home.llmlab(["prices", "list", "openai"]).well().stdout;
    assert!(page.contains("gpt-4o-mini") && page.contains("$0.15 per 1M"), "{page}");
}

#[test]
fn a_file_is_compared_with_what_is_in_force() {
    let home = Home::new();
    let nothing = home.llmlab(["prices", "diff", "--against", "built-in"]).well().stdout;
    assert!(nothing.contains("nothing changes"), "{nothing}");
    let own = home.path().join("own.jsonl");
    std::fs::write(&own, mini("0.3") + "{\"provider\":\"vllm\",\"id\":\"llama\",\"periods\":[{\"rates\":{}}]}\n")
        .unwrap();
    let json = home.llmlab(["prices", "diff", own.to_str().unwrap(), "--json"]).well().json();
    assert_eq!(json["added"], json!(["vllm/llama"]));
    let input = json["changed"].as_array().unwrap().iter().find(|changed| changed["dimension"] == "input").unwrap();
    assert_eq!((&input["old"]["usd"], &input["new"]["usd"]), (&json!(0.15), &json!(0.3)));
}
