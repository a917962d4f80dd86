use super::*;
use crate::event::{Call, Status, Subject};
use crate::exchange::{End, Exchange, Request, read_response};
use crate::moment::Moment;
use crate::usage::Dimension;

/// Everybody's registry is the same one, so every test has names of its own.
fn registered(json: &str) -> &'static Provider {
    register(Definition::from_json(json).unwrap()).unwrap()
}

fn call(url: &str, asked: &str, answer: &str) -> Option<Call> {
    let request = Request { method: "POST", url, body: asked.as_bytes() };
    let mut exchange = Exchange::begin(&request, Moment::default())?;
    exchange.head(200, []);
    exchange.push(answer.as_bytes(), Moment::default);
    let facts = exchange.finish(End::Complete, None, Moment::default()).next()?;
    assert_eq!(facts.status, Status::Ok);
    match facts.subject {
        Subject::Call(call) => Some(*call),
        _ => None,
    }
}

fn of(url: &str) -> Option<&'static str> {
    locate(url).map(|(provider, _)| provider.id)
}

#[test]
fn further_hosts_of_a_known_provider_are_its_own_on_their_port_and_below_their_name() {
    registered(r#"{"id":"openai","hosts":["llm.one.example",".two.example","[::1]:4711","three.example:443"]}"#);
    for (url, is_there) in [
        ("https://LLM.one.example:8443/v1/chat/completions", true),
        ("https://eu.two.example/openai/v1/chat/completions", true),
        ("http://[::1]:4711/v1/embeddings", true),
        ("https://user:pass@three.example/v1/chat/completions?x", true),
        ("https://three.example:444/v1/chat/completions", false),
        ("http://[::1]:4712/v1/embeddings", false),
        ("https://two.example/v1/chat/completions", false),
        ("https://llm.one.example.evil.example/v1/chat/completions", false),
        ("https://llm.one.example/v1/models", false),
    ] {
        assert_eq!(of(url), is_there.then_some("openai"), "{url}");
    }
    let call =
        call("https://llm.one.example/v1/chat/completions", r#"{"model":"llama"}"#, r#"{"usage":{"prompt_tokens":3}}"#);
    assert_eq!(call.unwrap().provider.as_deref(), Some("openai"));
}

#[test]
fn paths_that_a_known_provider_does_not_have_are_read_as_on_any_host() {
    registered(r#"{"id":"openai","hosts":"gateway.example"}"#);
    let asked = r#"{"model":"claude-sonnet-4-6","max_tokens":1,"messages":[]}"#;
    let call = call("https://gateway.example/v1/messages", asked, r#"{"usage":{"input_tokens":3,"output_tokens":2}}"#);
    assert_eq!(call.unwrap().provider.as_deref(), Some("anthropic"));
}

#[test]
fn an_unknown_provider_may_speak_a_known_wire_under_paths_of_its_own() {
    registered(r#"{"id":"wired","aliases":["wired-ai"],"hosts":"wired.example","wire":"openai"}"#);
    registered(r#"{"id":"odd","hosts":"odd.example","wire":"anthropic","paths":"/talk","model_in_path":true}"#);
    let one =
        call("https://wired.example/v1/embeddings", r#"{"model":"e"}"#, r#"{"usage":{"prompt_tokens":3}}"#).unwrap();
    assert_eq!((one.provider.as_deref(), one.operation), (Some("wired"), Operation::Embeddings));
    let usage = r#"{"usage":{"input_tokens":3,"cache_read_input_tokens":4,"output_tokens":2}}"#;
    let two = call("https://odd.example/x/big-1/talk", "{}", usage).unwrap();
    assert_eq!((two.provider.as_deref(), two.model.as_deref()), (Some("odd"), Some("big-1")));
    assert_eq!(two.usage.get(Dimension::Input), Some(7));
    assert_eq!(crate::provider::by_name("Wired-AI").map(|provider| provider.id), Some("wired"));
    assert!(all().iter().any(|provider| provider.id == "odd"));
}

#[test]
fn a_response_by_hand_is_read_where_the_definition_says() {
    registered(
        r#"{"id":"by-hand","hosts":"hand.example","paths":"/go","usage":{"input":"n.0.in","model":"m","cost":"usd"}}"#,
    );
    let call = read_response(Some("by-hand"), None, br#"{"m":"x","n":[{"in":5}],"usd":"0.25"}"#).unwrap();
    assert_eq!((call.usage.get(Dimension::Input), call.model.as_deref()), (Some(5), Some("x")));
    assert_eq!(call.provider_cost.unwrap().to_string(), "0.25");
}

#[test]
fn the_same_definition_is_kept_once_and_another_one_of_its_id_replaces_it() {
    let first = r#"{"id":"twice","hosts":"first.example","wire":"openai"}"#;
    let one = registered(first);
    assert!(std::ptr::eq(one, registered(first)));
    registered(r#"{"id":"twice","hosts":"second.example","wire":"openai"}"#);
    assert_eq!(of("https://first.example/v1/chat/completions"), None);
    assert_eq!(of("https://second.example/v1/chat/completions"), Some("twice"));
    assert!(std::ptr::eq(one, registered(first)), "going back adds nothing, either");
    assert_eq!(of("https://first.example/v1/chat/completions"), Some("twice"));
    registered(r#"{"id":"openai","hosts":"third.example"}"#);
    registered(r#"{"id":"openai","hosts":"fourth.example"}"#);
    assert_eq!(of("https://third.example/v1/chat/completions"), Some("openai"), "what is known is added to");
    assert!(hosts_of(crate::provider::by_name("openai").unwrap()).contains(&"fourth.example".to_owned()));
}

#[test]
fn a_defined_provider_may_get_further_hosts_and_loses_them_with_another_definition() {
    registered(r#"{"id":"grown","hosts":"one.grown.example","wire":"openai"}"#);
    registered(r#"{"id":"grown","hosts":"two.grown.example"}"#);
    for host in ["one", "two"] {
        assert_eq!(of(&format!("https://{host}.grown.example/v1/embeddings")), Some("grown"));
    }
    registered(r#"{"id":"grown","hosts":"one.grown.example","wire":"anthropic"}"#);
    registered(r#"{"id":"grown","hosts":"two.grown.example"}"#);
    for host in ["one", "two"] {
        assert_eq!(of(&format!("https://{host}.grown.example/v1/embeddings")), None, "{host}");
        assert_eq!(of(&format!("https://{host}.grown.example/v1/messages")), Some("grown"), "{host}");
    }
}

#[test]
fn threads_that_register_at_once_lose_nothing() {
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for host in 0..10 {
                    let json = format!(
                        r#"{{"id":"race-{thread}-{host}","hosts":"h{host}.race{thread}.example","wire":"openai"}}"#
                    );
                    registered(&json);
                    of("https://h1.race1.example/v1/chat/completions");
                }
            });
        }
    });
    for (thread, host) in [(0, 0), (3, 9), (7, 5)] {
        let url = format!("https://h{host}.race{thread}.example/v1/chat/completions");
        assert_eq!(of(&url), Some(&*format!("race-{thread}-{host}")));
    }
}

#[test]
fn what_cannot_be_used_is_refused_by_value_and_fix() {
    for (json, words) in [
        ("[]", &["object"][..]),
        (r#"{"id":"x","host":"h.example"}"#, &["\"host\"", "hosts"]),
        (r#"{"hosts":"h.example","wire":"openai"}"#, &["id", "acme"]),
        (r#"{"id":"Acme Inc","hosts":"h.example","wire":"openai"}"#, &["\"Acme Inc\"", "lower-case"]),
        (r#"{"id":"x","wire":"openai"}"#, &["hosts", "at least one"]),
        (r#"{"id":"x","hosts":["https://h.example/v1"],"wire":"openai"}"#, &["https://h.example/v1", "without scheme"]),
        (r#"{"id":"x","hosts":5,"wire":"openai"}"#, &["hosts", "5"]),
        (r#"{"id":"x","hosts":"h.example"}"#, &["\"x\"", "wire", "usage"]),
        (r#"{"id":"x","hosts":"h.example","wire":"opnai"}"#, &["\"opnai\"", "openai, anthropic"]),
        (r#"{"id":"x","hosts":"h.example","wire":"openai","paths":"chat"}"#, &["\"chat\"", "/v1/generate"]),
        (r#"{"id":"x","hosts":"h.example","wire":"openai","paths":{"/a":"talk"}}"#, &["\"/a\"", "\"talk\"", "chat"]),
        (r#"{"id":"x","hosts":"h.example","wire":"anthropic","paths":{"/a":"embeddings"}}"#, &["embeddings", "chat"]),
        (r#"{"id":"x","hosts":"h.example","usage":{"input":"a"}}"#, &["paths", "at least one"]),
        (r#"{"id":"x","hosts":"h.example","paths":"/a","usage":{"input":"a..b"}}"#, &["\"a..b\"", "usage.prompt"]),
        (
            r#"{"id":"x","hosts":"h.example","paths":"/a","usage":{"inputs":"a"}}"#,
            &["\"inputs\"", "cache_read", "cost"],
        ),
        (r#"{"id":"x","hosts":"h.example","paths":"/a","usage":{"model":"a"}}"#, &["input and output, or cost"]),
        (
            r#"{"id":"x","hosts":"h.example","paths":"/a","usage":{"input":"a"},"outside":["input"]}"#,
            &["outside", "input"],
        ),
        (r#"{"id":"x","hosts":"h.example","paths":"/a","usage":{"input":"a"},"wire":"openai"}"#, &["not both"]),
        (r#"{"id":"openai","hosts":"h.example","paths":"/a","usage":{"input":"a"}}"#, &["\"openai\"", "another id"]),
        (r#"{"id":"x","aliases":"openai","hosts":"h.example","wire":"openai"}"#, &["\"openai\"", "\"x\""]),
        (r#"{"id":"x","hosts":"h.example","wire":"openai","model_in_path":1}"#, &["model_in_path", "1"]),
    ] {
        let error = Definition::from_json(json).and_then(register).err().unwrap_or_else(|| panic!("{json}"));
        assert_eq!(error.code(), crate::error::ErrorCode::InvalidConfig);
        assert!(words.iter().all(|word| error.to_string().contains(word)), "{json}: {error}");
    }
}
