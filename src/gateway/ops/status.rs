//! How it stands, as JSON: what somebody asks who looks at it for the first time. Of the whole service are the processes on the
//! log, the games and who leads them; the rest is what this process itself counts, hears and serves.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Ops, VERSION};
use crate::broker::Event;
use crate::metrics::{Label, Load};
use crate::scoreboard::Scoreboard;

/// How far back slow games are looked for, in time and in publications.
const RECENT: (Duration, u64) = (Duration::from_secs(300), 20_000);
/// How many of them are told.
const SLOWEST: usize = 10;

/// The whole picture.
pub(super) fn picture(ops: &Ops) -> Value {
    let ready = ops.ready();
    let (up, reconnects, offset) = ops.metrics.log();
    json!({
        "version": VERSION,
        "name": ops.about.name,
        "role": ops.about.role,
        "ready": ready.is_ok(),
        "reason": ready.err(),
        "draining": ops.health.drain.begun(),
        "uptime_s": ops.health.started.elapsed().as_secs(),
        "log_offset": offset,
        "service": service(ops),
        "gateways": gateways(ops),
        "connections": connections(ops),
        "broker": {
            "url": ops.about.broker,
            "up": up,
            "reconnects": reconnects,
            "epoch": ops.board.as_ref().map(|board| board.view().epoch().to_string()),
            "offset": offset,
        },
        "games": ops.board.as_deref().map(games),
        "providers": providers(ops),
        "slowest_games": ops.board.as_deref().map(slowest).unwrap_or_default(),
    })
}

/// All processes together, by what they said last.
fn service(ops: &Ops) -> Value {
    let met = ops.met.lock();
    let connections: i64 = met.iter().filter_map(|process| process["connections"].as_i64()).sum();
    json!({ "processes": met.len(), "connections": connections })
}

/// What each process said last; of the others it is not known while the log does not answer.
fn gateways(ops: &Ops) -> Vec<Value> {
    let (mut all, (up, ..)) = (ops.met.lock().clone(), ops.metrics.log());
    for process in &mut all {
        match process["name"] == ops.about.name.as_str() {
            true => process["ready"] = ops.ready().is_ok().into(),
            false if !up => process["ready"] = Value::Null,
            false => {}
        }
    }
    all
}

fn connections(ops: &Ops) -> Value {
    let Load { max, taken, lagging, subscriptions } = ops.metrics.load();
    let mut said: Map<String, Value> =
        ops.metrics.connected().map(|(transport, count)| (transport.name().to_owned(), count.into())).collect();
    said.extend(
        [("subscriptions", subscriptions), ("lagging", lagging), ("places_taken", taken), ("max", max)]
            .map(|(name, count)| (name.to_owned(), count.into())),
    );
    Value::Object(said)
}

/// Games by status.
fn games(board: &Scoreboard) -> Value {
    let mut counts = BTreeMap::<String, u64>::new();
    let view = board.view();
    view.games().for_each(|shown| *counts.entry(shown.status().to_owned()).or_default() += 1);
    json!(counts)
}

fn providers(ops: &Ops) -> Vec<Value> {
    let mut leads = HashMap::<String, u64>::new();
    if let Some(board) = &ops.board {
        let view = board.view();
        for feed in view.games().filter_map(|shown| shown.feed()) {
            match leads.get_mut(feed) {
                Some(count) => *count += 1,
                None => drop(leads.insert(feed.to_owned(), 1)),
            }
        }
    }
    let pace = ops.pace.lock();
    let told = |provider: &String| {
        let standing = ops.metrics.standing(provider);
        let last = ops.metrics.last_report(provider);
        let counts = pace.get(provider);
        let minute = counts.and_then(|counts| Some(counts.back()? - counts.front()?)).unwrap_or(0);
        json!({
            "name": provider,
            "up": (ops.about.role != "gateway" || standing.up).then_some(standing.up),
            "last_report_at": (last > 0).then_some(last * 1_000),
            "reports_last_minute": minute,
            "leads": ops.board.as_ref().map(|_| leads.get(provider).copied().unwrap_or(0)),
            "leads_live": ops.board.as_ref().map(|_| standing.live_games),
        })
    };
    ops.metrics.providers().iter().map(told).collect()
}

/// The games whose news took longest of late, from the event (where its provider says when it was, else from the report)
/// to the log.
fn slowest(board: &Scoreboard) -> Vec<Value> {
    let entries = {
        let view = board.view();
        let from = view.offset_ago(RECENT.0).max(view.head().saturating_sub(RECENT.1));
        view.entries(from, usize::MAX).unwrap_or_default()
    };
    let mut worst = HashMap::new();
    for entry in &entries {
        let publication = &entry.publication;
        if let (Event::Update(update), Some(game)) = (&publication.event, &publication.game) {
            let late = publication.at - update.event_at.unwrap_or(update.accepted_at);
            let slow: &mut (i64, u64, &str) = worst.entry(game).or_insert((i64::MIN, 0, &update.provider));
            *slow = if late > slow.0 { (late, slow.1 + 1, &update.provider) } else { (slow.0, slow.1 + 1, slow.2) };
        }
    }
    let mut worst: Vec<_> = worst.into_iter().collect();
    worst.sort_by(|(a, slow_a), (b, slow_b)| slow_b.0.cmp(&slow_a.0).then_with(|| a.as_str().cmp(b.as_str())));
    worst.truncate(SLOWEST);
    let told = |(game, (late_ms, publications, provider))| json!({ "game": game, "late_ms": late_ms, "provider": provider, "publications": publications });
    worst.into_iter().map(told).collect()
}
