//! `scoreline publish`: one report from the command line, or NDJSON reports from stdin, which are answered while
//! they are still being sent.

use std::io::BufRead;

use bytes::Bytes;
use feeds::Topic;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::client::{Body, Server, refusal, whole};
use super::{Failure, out};

/// Posts reports.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The game, as sport/competition/game; - when each line of stdin names its own
    game: String,

    /// A merge patch, as {"status":"live"}; - or nothing reads NDJSON reports from stdin
    patch: Option<String>,

    #[command(flatten)]
    server: Server,
}

pub(super) fn command(args: Args) -> Result<(), Failure> {
    let game = match args.game.as_str() {
        "-" => None,
        game => Some(game_topic(game)?),
    };
    let patch = args.patch.as_deref().filter(|patch| *patch != "-");
    let (content, body) = match (patch, &game) {
        (Some(patch), Some(game)) => ("application/json", one(game, patch)?),
        (Some(_), None) => return Err(Failure::Usage("a patch needs its game".to_owned())),
        (None, _) => ("application/x-ndjson", lines(game)),
    };
    super::runtime()?.block_on(async {
        let mut client = args.server.connect().await?;
        let request = client.request(Method::POST, "/v1/updates").header(CONTENT_TYPE, content);
        print(client.send(request, body).await?).await
    })
}

fn game_topic(text: &str) -> Result<Topic, Failure> {
    Topic::parse_game(text).map_err(|error| Failure::Usage(error.to_string()))
}

fn one(game: &Topic, patch: &str) -> Result<Body, Failure> {
    let patch = feeds::json::parse(patch.as_bytes()).map_err(|error| Failure::Usage(format!("the patch: {error}")))?;
    let report = json!({ "game": game, "patch": patch });
    Ok(whole(report.to_string()))
}

/// Stdin's lines, sent as they come; `game` for those that name none.
fn lines(game: Option<Topic>) -> Body {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(64);
    std::thread::spawn(move || {
        // As bytes: a line that is no UTF-8 is the service's to refuse, and those behind it count.
        for line in std::io::stdin().lock().split(b'\n').map_while(Result::ok) {
            if sender.blocking_send(with_game(line, game.as_ref())).is_err() {
                return;
            }
        }
    });
    let frames = stream::poll_fn(move |cx| receiver.poll_recv(cx).map(|line| line.map(|line| Ok(Frame::data(line)))));
    BodyExt::boxed(StreamBody::new(frames))
}

fn with_game(mut line: Vec<u8>, game: Option<&Topic>) -> Bytes {
    if let (Ok(Value::Object(mut report)), Some(game)) = (serde_json::from_slice(&line), game)
        && !report.contains_key("game")
    {
        report.insert("game".to_owned(), game.as_str().into());
        line = Value::Object(report).to_string().into_bytes();
    }
    line.push(b'\n');
    Bytes::from(line)
}

/// Prints results, each on its line, as they come.
async fn print(response: Response<Incoming>) -> Result<(), Failure> {
    let status = response.status();
    let (mut body, mut text, mut failed) = (response.into_body(), Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure::Failed(format!("the answer breaks off: {error}")))?;
        text.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        while let Some(end) = text.iter().position(|&b| b == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            failed += usize::from(tell(&line));
        }
    }
    if !status.is_success() {
        return Err(refusal(status, &text));
    }
    if !text.is_empty() {
        failed += usize::from(tell(&text));
    }
    match failed {
        0 => Ok(()),
        failed => Err(Failure::Failed(format!("{failed} reports were not taken"))),
    }
}

/// Prints a result; whether it is one that failed.
fn tell(line: &[u8]) -> bool {
    // Where nobody reads it, what is published is published all the same.
    let _ = out::line(String::from_utf8_lossy(line).trim_end());
    let result: Value = serde_json::from_slice(line).unwrap_or_default();
    let reason = result.get("reason").and_then(Value::as_str);
    reason.is_some_and(|reason| !matches!(reason, "unchanged" | "outdated" | "not_leading"))
}
