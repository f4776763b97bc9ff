//! Where keys come from: a file or a URL, read again, and never from another host.

use std::time::Duration;

use serde_json::json;

use super::{Issuer, KeySet, claims, gated};
use crate::pull::stub::{Say, Stub};
use crate::support::{Client, Service, soon};

/// Asks with a token until it is answered so.
async fn until(client: &mut Client, issuer: &Issuer, status: u16) {
    let token = issuer.token(&claims(&json!({})));
    let asking = async {
        while client.get(&format!("/v1/games?token={token}")).await.status != status {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon(asking).await;
}

#[tokio::test]
async fn a_file_is_read_again() {
    let (old, new) = (Issuer::new("ES256"), Issuer::new("ES256"));
    let set = KeySet::of(&[old.jwk()]);
    let service = gated(&set, "ES256", "refresh = \"1s\"").await;
    let mut client = service.client().await;
    until(&mut client, &old, 200).await;
    until(&mut client, &new, 401).await;
    // Both, as a rotation goes; keys of other kinds do not disturb.
    set.now(&[old.jwk(), Issuer::new("EdDSA").jwk(), json!({"kty": "new", "x": 1}), json!(7), new.jwk()]);
    until(&mut client, &new, 200).await;
    until(&mut client, &old, 200).await;
    set.now(&[new.jwk()]);
    until(&mut client, &old, 401).await;
    // A set without keys, or with none that is whole and for checking, is a mistake: those in use stay.
    let changed = |field: &str, value: serde_json::Value| {
        let mut key = old.jwk();
        key[field] = value;
        key
    };
    for broken in [
        vec![],
        vec![changed("x", json!("AAAA")), changed("use", json!("enc")), changed("key_ops", json!(["encrypt"]))],
    ] {
        set.now(&broken);
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        until(&mut client, &new, 200).await;
    }
}

#[tokio::test]
async fn a_set_is_asked_for_where_it_is_said_and_nowhere_else() {
    let issuer = Issuer::new("EdDSA");
    let (stub, other) = (Stub::start().await, Stub::start().await);
    let set = json!({"keys": [issuer.jwk()]}).to_string();
    other.says("/keys", [Say::ok(set.clone())]);
    stub.says("/keys", [Say::status(302).with("location", other.url("/keys"))]);
    let tokens = |url: &str| {
        format!(
            "[tokens]\nalgorithm = \"EdDSA\"\nrefresh = \"1s\"\nallow_http = true\nallow_private = true\njwks = \"{url}\""
        )
    };
    let service = Service::start(&tokens(&stub.url("/keys"))).await;
    let mut client = service.client().await;
    stub.until_asked(2).await;
    assert!(other.asked().is_empty(), "it does not follow to another host");
    until(&mut client, &issuer, 503).await; // without keys nobody is told that a token is wrong
    stub.says("/keys", [Say::status(500), Say::ok("no set"), Say::ok(set)]);
    until(&mut client, &issuer, 200).await;
}

#[tokio::test]
async fn what_is_wrong_with_the_settings_is_said_at_the_start() {
    for (tokens, error) in [
        ("algorithm = \"none\"\njwks = \"x\"", "tokens.algorithm: \"none\": HS256, RS256, ES256 or EdDSA"),
        ("algorithm = \"ES256\"", "tokens: secret_env (for HS256) or jwks must say the keys"),
        ("algorithm = \"RS256\"\nsecret_env = \"PATH\"", "tokens.secret_env: a secret is for HS256"),
        ("algorithm = \"HS256\"\nsecret_env = \"NO_SUCH\"", "tokens.secret_env: NO_SUCH is not in the environment"),
        ("algorithm = \"HS256\"\njwks = \"https://a.example\"", "tokens.jwks: HS256 has a secret"),
        (
            "algorithm = \"ES256\"\njwks = \"http://a.example\"",
            "tokens.jwks: \"http://a.example\": without TLS only with",
        ),
        ("algorithm = \"ES256\"\njwks = \"x\"\nrefresh = \"1ms\"", "tokens.refresh: 1s to 24h"),
    ] {
        let said = scoreline::config::Config::parse(&format!("[tokens]\n{tokens}")).unwrap_err().to_string();
        assert!(said.contains(error), "{tokens:?} said {said:?}");
    }
}
