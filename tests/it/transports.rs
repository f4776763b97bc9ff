//! One script, every transport: subscribers that stay on one, and subscribers that go from each to each with their position,
//! on one gateway and on two. All of them hold the same documents, version by version.

use scoreline::cli::serve;
use scoreline::config::{Config, Role};
use serde_json::{Value, json};

use crate::redis::server::Server;
use crate::subscriber::{Detail, Door, Sums, Traveller, Way, offset};
use crate::support::{ACME, Client, Service, config, patch};
use crate::tls::Keys;

const TOPICS: [&str; 2] = ["soccer/eng.1", "team/soccer/madrid"];
const LAST: &str = "soccer/eng.1/ars-che";

/// What a round of the script reports; it ends with a goal, which everybody is told.
fn round(number: u32) -> Vec<Value> {
    let game = |game: u32| format!("soccer/{}.1/game-{}", if game.is_multiple_of(3) { "esp" } else { "eng" }, game % 7);
    let mut reports = Vec::new();
    for step in 0..6 {
        let chosen = game(number * 5 + step);
        let score = json!({"home": {"score": {"total": number + step}}, "away": {"team": "madrid", "kind": "team"}});
        reports.push(match step {
            0 => patch(&chosen, json!({"status": "live", "competitors": score})),
            1 => patch(&chosen, json!({"incidents": {(format!("i{number}")): {"type": "goal", "minute": number}}})),
            2 => patch(&chosen, json!({"clock": {"mode": "up", "running": true, "ms": number * 60_000}})),
            // It leaves a team's topic, and perhaps comes back in another round.
            3 => patch(&chosen, json!({"competitors": {"away": {"team": format!("team-{number}")}}})),
            4 => {
                patch(&chosen, json!({"info": {"note": format!("ü {number}"), "crowd": 1_000 * number, "share": 0.5}}))
            }
            _ => patch(&chosen, json!({"status": "ended"})),
        });
    }
    reports.push(patch(LAST, json!({"status": "live", "competitors": {"home": {"score": {"total": number + 1}}}})));
    reports
}

/// Reports a round; the offset after it.
async fn report(ingest: &mut Client, number: u32) -> u64 {
    if number % 4 == 3 {
        let removed = ingest.ask("DELETE", &format!("/v1/games/soccer/eng.1/game-{}", number % 7), &[], "").await;
        assert!([200, 404].contains(&removed.status.as_u16()), "{removed:?}");
    }
    let mut last = 0;
    for report in round(number) {
        let answer = ingest.report(report).await;
        if let Some(position) = answer["position"].as_str() {
            last = offset(position);
        }
    }
    last
}

/// The script: behind all `doors` is shown what `ingest` takes.
async fn run(ingest: &mut Client, doors: &[Door<'_>]) {
    const ROUNDS: u32 = 14;
    let mut sums = Sums::default();
    let at = |number: usize| doors[number % doors.len()];
    let mut stayers = Vec::new();
    let mut hoppers: Vec<Traveller> =
        [Detail::Full, Detail::Score].map(|detail| Traveller::new(&TOPICS, detail)).into();
    for number in 0..ROUNDS {
        let newest = report(ingest, number).await;
        if number == 2 {
            for (way, door) in Way::ALL.into_iter().flat_map(|way| doors.iter().map(move |door| (way, *door))) {
                for detail in [Detail::Full, Detail::Score] {
                    let mut stayer = Traveller::new(&TOPICS, detail);
                    stayer.connect(way, door).await;
                    stayers.push(stayer);
                }
            }
        }
        for traveller in &mut stayers {
            traveller.reaches(newest, &mut sums).await;
        }
        // From each way to the next, and from each door to the next; one of them the other way round.
        let step = number as usize;
        for (hopper, way) in hoppers.iter_mut().zip([Way::ALL[step % 6], Way::ALL[(step * 5 + 1) % 6]]) {
            hopper.connect(way, at(step + step / 6)).await;
            hopper.reaches(newest, &mut sums).await;
        }
    }
    for (hopper, counts) in hoppers.iter().map(|hopper| (hopper, hopper.replica.counts)) {
        assert_eq!((counts.snapshots, counts.resets), (1, 0), "each position was honoured");
        assert!(counts.resumed >= ROUNDS as usize - 1 && hopper.replica.held.len() > 3);
    }
    let mut expected = Vec::new();
    for detail in ["full", "score"] {
        let mut client = doors[0].client().await;
        expected.push(client.games(&TOPICS.join(","), detail).await);
    }
    for traveller in stayers.iter().chain(&hoppers) {
        let documents = traveller.replica.documents();
        assert!(expected.contains(&documents), "{documents:?}");
    }
    assert!(sums.len() > 100, "{}", sums.len());
}

#[tokio::test]
async fn on_one_gateway() {
    let service = Service::start(ACME).await;
    run(&mut service.acme().await, &[Door::Plain(service.main())]).await;
}

#[tokio::test]
async fn over_tls_in_both_versions_of_http() {
    let keys = Keys::new();
    let service = Service::start(&format!("{ACME}\n{}", keys.config())).await;
    let doors = [Door::Tls(service.main(), &keys), Door::Http2(service.main(), &keys)];
    run(&mut doors[0].client().await.with_key("acme-key"), &doors).await;
}

async fn start(server: &Server, role: Role, more: &str) -> serve::Service {
    let config = Config { broker: server.url(), ..config(&format!("{ACME}\n{more}")) }.with_role(role).unwrap();
    serve::start(config).await.unwrap_or_else(|failure| panic!("{failure}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn on_two_gateways_that_share_a_log() {
    let server = Server::start(&[]);
    let keys = Keys::new();
    let ingest = start(&server, Role::Ingest, "").await;
    let gateways = [start(&server, Role::Gateway, "").await, start(&server, Role::Gateway, &keys.config()).await];
    let [plain, secure] = gateways.each_ref().map(|gateway| gateway.main);
    let doors = [Door::Plain(plain), Door::Tls(secure, &keys), Door::Plain(plain), Door::Http2(secure, &keys)];
    let mut client = Client::connect(ingest.main).await.with_key("acme-key");
    run(&mut client, &doors).await;

    // A load in pieces goes on where another gateway has stopped, whatever changes meanwhile.
    let notes: serde_json::Map<String, Value> =
        (0..25).map(|note| (format!("note{note}"), "x".repeat(1_000).into())).collect();
    for number in 0..60 {
        client.report(patch(&format!("tennis/wta/match-{number}"), json!({ "info": notes }))).await;
    }
    let mut sums = Sums::default();
    let mut traveller = Traveller::new(&["tennis"], Detail::Full);
    let mut pieces = 0;
    loop {
        traveller.connect(Way::Poll, doors[pieces % 2]).await;
        pieces += 1;
        if !traveller.poll(&mut sums).await {
            break;
        }
        client.report(patch("tennis/wta/match-3", json!({"info": {"piece": pieces}}))).await;
        client.report(patch("tennis/wta/match-58", json!({"info": {"piece": pieces}}))).await;
        client.ask("DELETE", &format!("/v1/games/tennis/wta/match-{}", pieces + 7), &[], "").await;
    }
    assert!(pieces >= 2, "{pieces}");
    assert_eq!(traveller.replica.counts.resets, 0);
    let newest = client.report(patch("tennis/wta/match-0", json!({"status": "live"}))).await;
    traveller.connect(Way::CborDeflate, gateways[0].main).await;
    traveller.reaches(offset(newest["position"].as_str().unwrap()), &mut sums).await;
    let expected = Client::connect(gateways[0].main).await.games("tennis", "full").await;
    assert_eq!(traveller.replica.documents(), expected);
}
