//! What is asked of tokens changes with SIGHUP; who is in stays until his token ends.

use serde_json::json;

use super::claims;
use super::issuer::{Issuer, KeySet};
use crate::gateway::program::Program;
use crate::subscriber::Handshake;
use crate::support::{Client, soon};

fn settings(set: &KeySet, issuer: &Issuer, more: &str) -> String {
    format!("broker = \"memory:\"\n[tokens]\nalgorithm = \"{}\"\njwks = \"{}\"\n{more}", issuer.algorithm(), set.path())
}

async fn status(client: &mut Client, token: &str) -> u16 {
    client.get(&format!("/v1/games?topics=*&token={token}")).await.status.as_u16()
}

#[tokio::test]
async fn keys_rules_and_algorithm_change_with_sighup() {
    let (first, second) = (Issuer::new("ES256"), Issuer::new("EdDSA"));
    let (one, other) = (KeySet::of(&[first.jwk()]), KeySet::of(&[second.jwk()]));
    let mut program = Program::serving(&settings(&one, &first, ""));
    program.is_ready().await;
    let mut client = program.client().await;
    let (old, new) = (first.token(&claims(&json!({}))), second.token(&claims(&json!({}))));
    assert_eq!([status(&mut client, &old).await, status(&mut client, &new).await], [200, 401]);
    let mut inside = Handshake::new(&format!("/v1/ws?token={old}")).open(program.main()).await.unwrap();
    inside.expect("hello").await;

    // Another set, of another algorithm.
    let said = program.reload(&settings(&other, &second, "")).await;
    assert!(said.contains("changed: tokens"), "{said}");
    assert_eq!([status(&mut client, &old).await, status(&mut client, &new).await], [401, 200]);
    inside.say(&json!({"type": "subscribe", "id": 1, "topics": ["soccer"]})).await;
    inside.expect("subscribed").await;
    inside.expect("position").await;
    // It may stay, and not come again.
    inside.say(&json!({"type": "auth", "id": 2, "token": old})).await;
    inside.expect("error").await;
    assert_eq!(inside.close_code().await, 4001);

    // Rules.
    program.reload(&settings(&other, &second, "audience = \"scores\"")).await;
    assert_eq!(status(&mut client, &new).await, 401);
    let scores = second.token(&claims(&json!({"aud": "scores"})));
    assert_eq!(status(&mut client, &scores).await, 200);

    // A set that cannot be read refuses all that was read.
    let missing = settings(&other, &second, "").replace(other.path(), "no/such.json");
    let said = program.reload(&format!("allow_origin = [\"https://a.example\"]\n{missing}")).await;
    assert!(said.contains("the settings in force stay: tokens.jwks no/such.json"), "{said}");
    assert_eq!(status(&mut client, &scores).await, 200);

    // Whether tokens are asked for at all is settled when it starts.
    let said = program.reload("broker = \"memory:\"").await;
    assert!(said.contains("changed: nothing; needs a restart: tokens"), "{said}");
    assert_eq!(client.get("/v1/games?topics=*").await.status, 401);
}

#[tokio::test]
async fn a_key_file_is_read_again_at_once() {
    let (first, second) = (Issuer::new("ES256"), Issuer::new("ES256"));
    let set = KeySet::of(&[first.jwk()]);
    let mut program = Program::serving(&settings(&set, &first, "refresh = \"24h\""));
    program.is_ready().await;
    let mut client = program.client().await;
    set.now(&[second.jwk()]);
    program.reload(&settings(&set, &first, "refresh = \"24h\"")).await;
    assert_eq!(status(&mut client, &first.token(&claims(&json!({})))).await, 401);
    soon(async { while status(&mut client, &second.token(&claims(&json!({})))).await != 200 {} }).await;
}
