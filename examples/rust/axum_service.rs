//! A service that knows what each of its users costs: `POST /ask` and `GET /spend`.
//!
//! `python examples/stand_in.py cargo run -p llmlab-examples --bin axum_service`
//!
//! `curl -d '{"user": "ann", "question": "Where is my parcel?"}' -H 'content-type: application/json' localhost:8080/ask`
//!
//! `curl localhost:8080/spend`

use std::collections::BTreeMap;
use std::error::Error;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use llmlab::Llmlab;
use llmlab::ledger::GroupBy;
use llmlab::report::{Group, SummaryQuery};
use llmlab::transport::reqwest::Tap;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone)]
struct Service {
    lab: Llmlab,
    client: ClientWithMiddleware,
    url: String,
}

#[derive(Deserialize)]
struct Question {
    user: String,
    question: String,
}

#[derive(Serialize)]
struct Answer {
    text: String,
    /// Of this answer, in US dollars; null if it is not known.
    cost_usd: Option<String>,
}

async fn ask(State(service): State<Service>, Json(asked): Json<Question>) -> Result<Json<Answer>, StatusCode> {
    let messages = json!([{"role": "user", "content": asked.question}]);
    let request = service.client.post(service.url).json(&json!({"model": "gpt-5-mini", "messages": messages}));
    // Everything that happens inside is this user's, however many calls it takes.
    let scope = service.lab.track().feature("support").user(asked.user).open();
    let answer: Value = scope
        .instrument(async { request.send().await?.json().await.map_err(reqwest_middleware::Error::from) })
        .await
        .map_err(|_| StatusCode::BAD_GATEWAY)?;
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned();
    Ok(Json(Answer { text, cost_usd: scope.cost().map(|cost| cost.to_string()) }))
}

#[derive(Serialize)]
struct Spend {
    calls: u64,
    cost_usd: Option<String>,
}

/// Of all processes of this project, ever: the ledger knows.
async fn spend(State(service): State<Service>) -> Result<Json<BTreeMap<String, Spend>>, StatusCode> {
    let query = SummaryQuery { group_by: vec![GroupBy::User], ..SummaryQuery::default() };
    // It reads files, so it is asked on a thread that may wait.
    let summary = tokio::task::spawn_blocking(move || service.lab.summary(&query)).await;
    let summary =
        summary.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let of_user = |Group { key, totals }: &Group| {
        let cost_usd = totals.known_cost().map(|cost| cost.to_string());
        (key.get(GroupBy::User).unwrap_or("nobody").to_owned(), Spend { calls: totals.calls, cost_usd })
    };
    Ok(Json(summary.groups.iter().map(of_user).collect()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // reqwest's default features bring a provider of cryptography along; this workspace does without.
    let _ = rustls::crypto::ring::default_provider().install_default();

    let lab = Llmlab::builder().project("support").build()?;
    let client = ClientBuilder::new(reqwest::Client::new()).with(Tap::new(&lab)).build();
    let url = format!("{}/chat/completions", std::env::var("OPENAI_BASE_URL")?);
    let service = Service { lab, client, url };
    let router = Router::new().route("/ask", post(ask)).route("/spend", get(spend)).with_state(service);

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}
