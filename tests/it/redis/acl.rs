//! The user of docs/redis.acl is all that the service needs, and may do no more.

use std::time::Duration;

use scoreline::config::Role;
use serde_json::json;

use super::roles::{serving, start};
use super::server::Server;
use crate::support::{Client, patch, score};

const ACL: &str = include_str!("../../../docs/redis.acl");
const GAME: &str = "soccer/eng.1/ars-che";

#[tokio::test(flavor = "multi_thread")]
async fn the_user_of_the_docs_is_enough_and_no_more() {
    let server = Server::start(&[]);
    let user = ACL.lines().find(|line| line.starts_with("user scoreline ")).unwrap();
    let _: String = server.ask(&format!("ACL SETUSER {}", user.strip_prefix("user ").unwrap()));
    let url = format!("redis://scoreline:change-me@127.0.0.1:{}", server.port);

    let paced = "[providers.acme]\ninterval = \"1s\"\n[limits]\nretention = \"1s\"";
    let ingest = start(&url, paced, Role::Ingest).await;
    let gateway = start(&url, "", Role::Gateway).await;
    let mut acme = Client::connect(ingest.main).await.with_key("acme-key");
    for goals in 1..=3 {
        let mut report = patch(GAME, score(goals, 0));
        report["id"] = json!(format!("goal-{goals}"));
        acme.report(report).await;
    }
    serving(gateway.main, GAME, 3).await;
    // A gateway that comes later loads; what is over leaves; a game is removed.
    let late = start(&url, "", Role::Gateway).await;
    serving(late.main, GAME, 3).await;
    acme.report(patch("soccer/eng.1/over", json!({"status": "final"}))).await;
    assert_eq!(acme.ask("DELETE", &format!("/v1/games/{GAME}"), &[], "").await.status, 200);
    let mut client = Client::connect(late.main).await;
    for game in [GAME, "soccer/eng.1/over"] {
        let gone = async {
            while client.get(&format!("/v1/games/{game}")).await.status != 404 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        crate::support::soon(gone).await;
    }
    let refused: Vec<redis::Value> = server.ask("ACL LOG");
    assert_eq!(refused, [], "it asked for what the user may not");

    let mut user = redis::Client::open(url).unwrap().get_connection().unwrap();
    for command in [
        "FLUSHALL",
        "KEYS *",
        "CONFIG GET *",
        "ACL LIST",
        "SHUTDOWN",
        "MONITOR",
        "CLIENT KILL TYPE normal",
        "GET other",
        "HSET other a 1",
        "SUBSCRIBE other",
        "PSUBSCRIBE *",
        "SCRIPT FLUSH",
        "MODULE LIST",
        "REPLICAOF no one",
    ] {
        let mut words = command.split(' ');
        let mut asked = redis::cmd(words.next().unwrap());
        let answer = asked.arg(words.collect::<Vec<_>>()).query::<redis::Value>(&mut user);
        let error = answer.expect_err(command).to_string();
        assert!(error.to_lowercase().contains("noperm") || error.contains("permission"), "{command}: {error}");
    }
}
