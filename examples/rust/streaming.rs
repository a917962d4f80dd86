//! A stream, word by word as it comes, and what it cost when it is over.
//!
//! A stream of chat completions tells its usage only if it is asked. llmlab asks, and takes what that adds out again.
//!
//! `python examples/stand_in.py cargo run -p llmlab-examples --bin streaming`

use std::error::Error;

use llmlab::Llmlab;
use llmlab::transport::reqwest::Tap;
use reqwest_middleware::ClientBuilder;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // reqwest's default features bring a provider of cryptography along; this workspace does without.
    let _ = rustls::crypto::ring::default_provider().install_default();

    let url: reqwest::Url = format!("{}/chat/completions", std::env::var("OPENAI_BASE_URL")?).parse()?;
    // The stand-in is on a host that is nobody's, as a gateway of your own would be.
    let lab = Llmlab::builder().project("streaming").hosts([(url.authority(), "openai")]).build()?;
    let _exit = lab.exit_guard();
    let client = ClientBuilder::new(reqwest::Client::new()).with(Tap::new(&lab)).build();

    let messages = json!([{"role": "user", "content": "Where is my parcel?"}]);
    let request = client.post(url).json(&json!({"model": "gpt-5-mini", "messages": messages, "stream": true}));
    let asked = lab.track().feature("parcels").open();
    let mut answer = asked.instrument(request.send()).await?;
    let mut waiting = String::new();
    while let Some(bytes) = answer.chunk().await? {
        waiting.push_str(std::str::from_utf8(&bytes)?);
        while let Some((event, rest)) = waiting.split_once("\n\n") {
            print!("{}", word(event));
            waiting = rest.to_owned();
        }
    }

    println!();
    println!("{} call costs ${}", asked.calls(), asked.cost().ok_or("the stream told no usage")?);
    Ok(())
}

fn word(event: &str) -> String {
    let chunk: Value = event.strip_prefix("data: ").and_then(|data| data.parse().ok()).unwrap_or_default();
    assert!(chunk["usage"].is_null(), "the application has not asked for it");
    chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()
}
