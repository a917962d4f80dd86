//! A client made in code: its options, and sinks of one's own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, and so does a sink in one")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use llmlab::config::{Backend, Protocol, StreamUsage};
use llmlab::outbox::{Durability, ExitFlush};
use llmlab::sink::{Batch, Guarantee, Receipt, Rejection, Sink};
use llmlab::{Builder, Error, ErrorCode, Llmlab, SinkChoice};

const LONG: Duration = Duration::from_secs(60);

fn builder() -> (Builder, tempfile::TempDir) {
    let home = tempfile::tempdir().unwrap();
    (Llmlab::builder().home(home.path()), home)
}

fn record(lab: &Llmlab, calls: u64) {
    for _ in 0..calls {
        lab.track_call("openai", "gpt-4o-mini").input_tokens(1).record();
    }
}

#[test]
fn every_option_reaches_the_configuration() {
    let (builder, home) = builder();
    let prices = home.path().join("prices.jsonl");
    std::fs::write(&prices, "").unwrap();
    let providers = home.path().join("providers.toml");
    std::fs::write(&providers, "[prices.\"acme/m\"]\ninput = \"1\"\n").unwrap();
    let lab = builder
        .api_key("llk_secret")
        .project("shop")
        .backend(Backend::new("https://costs.example.com", Protocol::Track).unwrap().header("X-Tenant", "t1").unwrap())
        .sinks(["ledger", "llmlab"])
        .environment("production")
        .service("api")
        .tag("team", "search")
        .tags([("tier", "1")])
        .prices(&*prices)
        .providers(&*providers)
        .models([("azure/my-deployment", "gpt-4o-mini")])
        .hosts([("llm.builder.test", "openai")])
        .stream_usage(StreamUsage::Never)
        .durability(Durability::Fsync)
        .spool_max_bytes(2 << 20)
        .spool_max_days(3)
        .exit_flush(ExitFlush::Ms(10))
        .build()
        .unwrap();
    let config = lab.config();
    assert_eq!((&*config.home, &*config.project), (home.path(), "shop"));
    assert_eq!((config.environment.as_deref(), config.service.as_deref()), (Some("production"), Some("api")));
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(config.attribution.tags, [tag("team", "search"), tag("tier", "1")]);
    assert_eq!((config.prices.as_ref(), config.providers.as_ref()), (Some(&prices), Some(&providers)));
    assert_eq!(config.models["azure/my-deployment"], "gpt-4o-mini");
    assert_eq!(config.hosts["llm.builder.test"], "openai");
    assert_eq!((config.stream_usage, config.exit_flush), (StreamUsage::Never, ExitFlush::Ms(10)));
    let outbox = &config.outbox;
    assert_eq!((outbox.durability, outbox.spool_max_bytes, outbox.spool_max_days), (Durability::Fsync, 2 << 20, 3));
    let sinks: Vec<_> = outbox.sinks.iter().map(ToString::to_string).collect();
    assert_eq!(sinks, ["ledger", "track https://costs.example.com/api/track"]);
    assert!(!format!("{config:?}").contains("llk_secret"));
    let usage = llmlab::Usage::new().with(llmlab::Dimension::Input, 1_000_000);
    assert_eq!(lab.cost_of("acme", "m", &usage).unwrap().total.unwrap().to_string(), "1");
}

#[test]
fn the_first_value_that_cannot_be_used_is_the_error() {
    let (builder, _home) = builder();
    let error = builder.spool_max_bytes(1).sink("nowhere").project("").build().unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidConfig);
    assert!(error.to_string().starts_with("spool_max_bytes"), "{error}");
    for (wrong, name) in [
        (Llmlab::builder().sink("nowhere"), "nowhere"),
        (Llmlab::builder().backend("ftp://costs.example.com"), "backend"),
        (Llmlab::builder().spool_max_days(0), "spool_max_days"),
        (Llmlab::builder().sinks(["ledger", "ledger"]), "ledger twice"),
        (Llmlab::builder().sinks::<&str>([]), "at least one"),
    ] {
        let (_, home) = self::builder();
        let error = wrong.home(home.path()).build().unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

/// Refuses as often as it is told to, rejects the first event of every batch, and counts the others.
struct Moody {
    refusals: u64,
    stored: Arc<AtomicU64>,
}

impl Sink for Moody {
    fn name(&self) -> &'static str {
        "moody"
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn deliver(&mut self, batches: &[Batch]) -> llmlab::Result<Vec<Receipt>> {
        match self.refusals {
            0 => {}
            1 => {
                self.refusals = 0;
                panic!("a sink of the application's may panic");
            }
            _ => {
                self.refusals -= 1;
                return Err(Error::new(ErrorCode::Storage, "not in the mood"));
            }
        }
        let receipt = |batch: &Batch| {
            let stored = batch.events.len() as u64 - 1;
            self.stored.fetch_add(stored, Ordering::SeqCst);
            let reason = "the first".to_owned();
            Receipt { stored, rejected: vec![Rejection { index: 0, reason }], ..Receipt::default() }
        };
        Ok(batches.iter().map(receipt).collect())
    }
}

// Sabotage: `Careful` without `catch_unwind`.
#[test]
fn a_sink_of_ones_own_that_refuses_or_panics_gets_its_batch_again() {
    let (builder, _home) = builder();
    let stored = Arc::new(AtomicU64::new(0));
    let sink = Moody { refusals: 2, stored: Arc::clone(&stored) };
    let lab = builder.sink("ledger").sink(SinkChoice::custom(sink)).build().unwrap();
    record(&lab, 10);
    lab.flush(LONG);
    assert_eq!(stored.load(Ordering::SeqCst), 9);
    let sinks = lab.stats().events.sinks;
    assert_eq!((sinks[0].delivered, sinks[1].delivered, sinks[1].spooled), (10, 9, 0));
    assert_eq!(sinks[1].name, lab.config().outbox.sinks[1].destination());
}

#[test]
fn a_function_takes_all_of_a_batch_or_none() {
    let (builder, _home) = builder();
    let (sender, batches) = channel();
    let mut is_first = true;
    let sink = SinkChoice::function("warehouse", move |batch| {
        if std::mem::take(&mut is_first) {
            return Err("closed");
        }
        sender.send((batch.id.clone(), batch.events.len())).map_err(|_| "gone")
    });
    let lab = builder.sink(sink).build().unwrap();
    record(&lab, 150);
    assert!(lab.flush(LONG).is_complete());
    let received: Vec<_> = batches.try_iter().collect();
    assert_eq!(received.iter().map(|(_, events)| events).sum::<usize>(), 150);
}

#[test]
fn what_a_client_leaves_for_a_sink_of_ones_own_the_next_one_delivers() {
    let (builder, home) = builder();
    let refuse = SinkChoice::function("warehouse", |_| Err("down"));
    let lab = builder.sink(refuse).build().unwrap();
    record(&lab, 3);
    assert_eq!(lab.shutdown(LONG).pending, 3);
    drop(lab);
    let (sender, events) = channel();
    let take = SinkChoice::function("warehouse", move |batch| sender.send(batch.events.len()));
    let lab = Llmlab::builder().home(home.path()).sink(take).build().unwrap();
    lab.drain(LONG);
    assert_eq!(events.try_iter().sum::<usize>(), 3);
}

#[test]
fn the_guard_of_the_exit_delivers_when_it_is_dropped() {
    let (builder, _home) = builder();
    let (sender, events) = channel();
    let take = SinkChoice::function("warehouse", move |batch| sender.send(batch.events.len()));
    let lab = builder.sink(take).exit_flush(ExitFlush::Ms(60_000)).build().unwrap();
    let exit = lab.exit_guard();
    record(&lab, 3);
    drop(lab);
    drop(exit);
    assert_eq!(events.try_iter().sum::<usize>(), 3);
}
