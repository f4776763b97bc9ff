//! Signed pushes, as who records one and sends it again would have them, and as who has no secret at all.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::gateway::program::Program;
use crate::support::{Answer, Client, patch, score, soon};

const GAME: &str = "soccer/eng.1/ars-che";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn signing() -> Program {
    let environment = [("SIGNED_TEST_WHSEC".to_owned(), SECRET.to_owned())];
    Program::within(&environment, "[providers.feed]\nsigning_secret_env = \"SIGNED_TEST_WHSEC\"")
}

/// What a sender has put on the wire once.
struct Push {
    id: &'static str,
    headers: Vec<String>,
    body: String,
}

impl Push {
    fn of(id: &'static str, body: &Value) -> Push {
        Push::with(id, body.to_string())
    }

    fn with(id: &'static str, body: String) -> Push {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(&SECRET["whsec_".len()..]).unwrap());
        let signature = STANDARD.encode(hmac::sign(&secret, format!("{id}.{at}.{body}").as_bytes()));
        let headers = [format!("webhook-timestamp: {at}"), format!("webhook-signature: v1,{signature}")];
        Push { id, headers: headers.into(), body }
    }

    async fn send(&self, client: &mut Client, more: &[&str]) -> Answer {
        let id = format!("webhook-id: {}", self.id);
        let own = self.headers.iter().map(String::as_str).chain((!self.id.is_empty()).then_some(&*id));
        let headers: Vec<&str> = own.chain(more.iter().copied()).collect();
        client.ask("POST", "/v1/updates", &headers, self.body.clone()).await
    }
}

/// Seen to apply it again: a header that nobody signs took the place of the id, and a kind of body has ids of its own.
#[tokio::test]
async fn a_push_that_is_sent_again_under_other_headers_is_the_same() {
    let program = signing();
    let mut client = program.client().await;
    let (first, second) = (Push::of("one", &patch(GAME, score(1, 0))), Push::of("two", &patch(GAME, score(2, 0))));
    assert_eq!(first.send(&mut client, &[]).await.json()["applied"], true);
    assert_eq!(second.send(&mut client, &[]).await.json()["applied"], true);
    let lines = "content-type: application/x-ndjson";
    for more in
        [&[][..], &["idempotency-key: fresh"], &["content-type: application/json", "idempotency-key: one#0"], &[lines]]
    {
        let again = first.send(&mut client, more).await;
        assert_eq!((again.status.as_u16(), &again.json()["replayed"]), (200, &true.into()), "{more:?}: {again:?}");
    }
    let held = client.get(&format!("/v1/games/{GAME}")).await.json();
    assert_eq!(held["state"]["competitors"]["home"]["score"]["total"], 2, "{held}");
}

/// Lines have ids of their own, by their number; as one JSON they are nothing.
#[tokio::test]
async fn lines_are_signed_as_a_whole() {
    let program = signing();
    let mut client = program.client().await;
    let lines = format!("{}\n{}\n", patch(GAME, score(1, 0)), patch(GAME, score(2, 0)));
    let push = Push::with("lines", lines);
    let sent = async |client: &mut Client, more: &str| {
        let answer = push.send(client, &[more]).await;
        (answer.status.as_u16(), answer.text().to_owned())
    };
    let (status, first) = sent(&mut client, "content-type: application/x-ndjson").await;
    assert_eq!((status, first.matches(r#""applied":true"#).count(), first.matches("replayed").count()), (200, 2, 0));
    let (status, again) = sent(&mut client, "content-type: application/x-ndjson").await;
    assert_eq!((status, again.matches(r#""replayed":true"#).count()), (200, 2), "{again}");
    assert_eq!(sent(&mut client, "content-type: application/json").await.0, 400);
}

#[tokio::test]
async fn a_push_without_a_name_could_be_sent_for_ever_and_is_refused() {
    let program = signing();
    let mut client = program.client().await;
    Push::of("", &patch(GAME, score(1, 0))).send(&mut client, &[]).await.problem(401, "unauthorized");
}

/// Bodies that are read before their signature can be looked at, from many who have no secret.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_nobody_fill_no_memory() {
    /// What they may have together, twice (a buffer grows by doubling), and something for their connections; bytes.
    const GROWTH: u64 = 160 << 20;
    let program = signing();
    let mut client = program.client().await;
    assert_eq!(Push::of("one", &patch(GAME, score(1, 0))).send(&mut client, &[]).await.status, 200);
    let before = program.resident_bytes();
    let head = "POST /v1/updates HTTP/1.1\r\nhost: x\r\nwebhook-id: x\r\nwebhook-timestamp: 1\r\n\
                webhook-signature: v1,AAAA\r\ncontent-length: 4194304\r\n\r\n";
    let most = vec![b' '; 4 << 20];
    let mut held = Vec::new();
    for _ in 0..60 {
        let mut socket = TcpStream::connect(program.main()).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        soon(socket.write_all(&most[1..])).await.unwrap();
        held.push(socket);
    }
    // The last ones are told so, once all but the last byte is here.
    let mut last = held.pop().unwrap();
    last.write_all(b" ").await.unwrap();
    let mut answer = [0; 512];
    let read = soon(last.read(&mut answer)).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 503 "), "{}", String::from_utf8_lossy(&answer[..read]));
    let growth = program.resident_bytes().saturating_sub(before);
    assert!(growth < GROWTH, "{} MiB", growth >> 20);
    // Who has a key is taken meanwhile, and pushes are again once those are gone.
    program.acme().await.report(patch(GAME, score(2, 0))).await;
    drop((held, last));
    let again = async {
        while Push::of("two", &patch(GAME, score(3, 0))).send(&mut client, &[]).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon(again).await;
}
