//! Publishing straight through the engine, and a gateway's start beside it.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use feeds::{Document, Topic, document};
use scoreline::broker::redis::RedisBroker;
use scoreline::broker::{Bounds, Broker, Draft, Event, Key, Outcome, RecordBody, Stamp, Update};
use scoreline::cli::bench::Quantiles;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::Redis;
use crate::stats::Median;

/// Publications under way at a time, each on a game of its own.
const IN_FLIGHT: usize = 50;
/// Connections that a log's channel has beside, in the second half of the runs.
const LISTENERS: usize = 50;

fn game(number: usize) -> Result<Topic, Box<dyn Error>> {
    Ok(format!("bench/bars/{number}").parse()?)
}

/// A document with a text of this size.
fn page(total: usize, size: usize) -> Document {
    let side = |name: &str, total| json!({"kind": "team", "name": name, "score": {"total": total}});
    let document = json!({
        "status": "live", "period": {"number": 1, "kind": "half", "of": 2},
        "competitors": {"home": side("Northern Load", total), "away": side("Southern Burden", 0)},
        "info": {"text": format!("{total:08} ").repeat(size / 9 + 1)},
    });
    match document {
        serde_json::Value::Object(document) => document,
        _ => Document::new(),
    }
}

/// The change from one page to the next.
fn draft(game: &Topic, expected: u64, before: &Document, after: Document, id: String) -> Draft {
    let patch = document::diff(before, &after);
    let update = Update {
        undo: document::diff(&after, before),
        topics: document::routing_topics(game, &after),
        entered: Vec::new(),
        left: Vec::new(),
        score: true,
        urgent: false,
        provider: "bars".to_owned(),
        event_at: None,
        accepted_at: 0,
        patch,
    };
    Draft {
        game: game.clone(),
        expected,
        event: Event::Update(update),
        record: RecordBody {
            document: after,
            left: Default::default(),
            leader: None,
            led_since: 0,
            pins: Document::new(),
        },
        provider: "bars".to_owned(),
        key: Some(Key { id, hash: "0".repeat(32) }),
        stamp: Stamp::default(),
        image: None,
    }
}

/// Publishes on these games, one after the other, until it is over; how many.
async fn publisher(
    broker: Arc<RedisBroker>,
    games: Vec<usize>,
    size: usize,
    over: impl Fn(u64) -> bool,
) -> Result<u64, String> {
    let topics = games.iter().map(|number| game(*number).map_err(|error| error.to_string()));
    let topics: Vec<Topic> = topics.collect::<Result<_, _>>()?;
    let mut held: Vec<(u64, Document)> = vec![(0, Document::new()); topics.len()];
    let mut count = 0;
    while !over(count) {
        let place = usize::try_from(count).unwrap_or(0) % topics.len();
        let (version, before) = &mut held[place];
        let after = page(usize::try_from(count).unwrap_or(0), size);
        let id = format!("{}-{count}", games[0]);
        let draft = draft(&topics[place], *version, before, after.clone(), id);
        match broker.publish(draft).await {
            Ok(Outcome::Published(answer)) => (*version, *before) = (answer.version, after),
            other => return Err(format!("{other:?}")),
        }
        count += 1;
    }
    Ok(count)
}

async fn all(tasks: Vec<tokio::task::JoinHandle<Result<u64, String>>>) -> Result<u64, Box<dyn Error>> {
    let mut sum = 0;
    for task in tasks {
        sum += task.await??;
    }
    Ok(sum)
}

fn runtime() -> Result<tokio::runtime::Runtime, Box<dyn Error>> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

/// Publications per second through the script, with an id each, on a small document.
pub(crate) fn publish(runs: usize, seconds: f64) -> Result<(), Box<dyn Error>> {
    println!("\nredis publish: {IN_FLIGHT} in flight, ids remembered, appendonly everysec, {runs} runs of {seconds} s");
    let mut cost_of = Vec::new();
    for listeners in [0, LISTENERS] {
        let (rate, cost) = publish_to(listeners, runs, seconds)?;
        // The listeners' own work is on the same cores.
        let bar = if listeners == 0 { " (bar 10000)" } else { "" };
        println!("  {listeners} listeners: {rate:.0} publications/s{bar}, {cost:.1} µs of Redis' CPU each");
        cost_of.push(cost.value);
    }
    println!("  {:.2} µs of Redis' CPU for each listener's copy", (cost_of[1] - cost_of[0]) / LISTENERS as f64);
    Ok(())
}

/// Rate and cost with so many who subscribe to the log's channel, as gateways do, and only read.
fn publish_to(listeners: usize, runs: usize, seconds: f64) -> Result<(Median, Median), Box<dyn Error>> {
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let redis = Redis::start(&["--appendonly", "yes", "--appendfsync", "everysec"])?;
        let (count, took) = runtime()?.block_on(async {
            let broker = Arc::new(RedisBroker::open(&redis.url(), Bounds::default()).await?);
            for _ in 0..listeners {
                let mut listener = tokio::net::TcpStream::connect(("127.0.0.1", redis.port)).await?;
                listener.write_all(b"SUBSCRIBE {scoreline}:live:0\r\n").await?;
                tokio::spawn(async move { tokio::io::copy(&mut listener, &mut tokio::io::sink()).await });
            }
            let begun = Instant::now();
            let over = move |_| begun.elapsed().as_secs_f64() > seconds;
            let tasks = (0..IN_FLIGHT).map(|n| tokio::spawn(publisher(broker.clone(), vec![n], 100, over))).collect();
            Ok::<_, Box<dyn Error>>((all(tasks).await?, begun.elapsed()))
        })?;
        rates.push(count as f64 / took.as_secs_f64());
        costs.push(redis.cpu()?.as_secs_f64() * 1e6 / count as f64);
    }
    Ok((Median::of(rates).ok_or("no run")?, Median::of(costs).ok_or("no run")?))
}

/// A gateway starts beside a log of 1,500 games of 4 KiB and a full history; how long others' commands wait meanwhile.
pub(crate) fn start(runs: usize) -> Result<(), Box<dyn Error>> {
    const GAMES: usize = 1_500;
    println!("\nredis start: a gateway loads 1,500 games of 4 KiB and 256 MiB of history, {runs} runs");
    let redis = Redis::start(&[])?;
    runtime()?.block_on(async {
        let broker = Arc::new(RedisBroker::open(&redis.url(), Bounds::default()).await?);
        // A page's patch and its undo: about 8 KiB an entry.
        let each = (256 << 20) / 8_000 / IN_FLIGHT as u64;
        let games = |n: usize| (n..GAMES).step_by(IN_FLIGHT).collect();
        let tasks = (0..IN_FLIGHT)
            .map(|n| tokio::spawn(publisher(broker.clone(), games(n), 4 << 10, move |count| count >= each)))
            .collect();
        all(tasks).await
    })?;
    let entries: u64 = redis::cmd("XLEN").arg("{scoreline}:log").query(&mut redis.connection()?)?;
    println!("  the log has {entries} entries");
    let mut alone = Waits::watch(&redis)?;
    std::thread::sleep(Duration::from_secs(3));
    println!("  nobody starts: others wait {}", alone.end()?);
    for _ in 0..runs {
        let mut waits = Waits::watch(&redis)?;
        let begun = Instant::now();
        let gateway = redis.role("gateway")?;
        let ready = begun.elapsed();
        println!("  ready after {:.2} s: others wait {} (bar: 20 ms at most)", ready.as_secs_f64(), waits.end()?);
        drop(gateway);
    }
    Ok(())
}

/// Somebody else's command, again and again.
struct Waits {
    over: Arc<AtomicBool>,
    watcher: Option<std::thread::JoinHandle<redis::RedisResult<hdrhistogram::Histogram<u64>>>>,
}

impl Waits {
    fn watch(redis: &Redis) -> Result<Waits, Box<dyn Error>> {
        let (over, mut connection) = (Arc::new(AtomicBool::new(false)), redis.connection()?);
        let ends = over.clone();
        let watcher = std::thread::spawn(move || {
            let mut waits = scoreline::cli::bench::tally::new_histogram();
            while !ends.load(Ordering::Relaxed) {
                let asked = Instant::now();
                redis::cmd("HGET").arg("{scoreline}:games").arg("bench/bars/7").query::<Vec<u8>>(&mut connection)?;
                waits.saturating_record(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX));
                std::thread::sleep(Duration::from_micros(200));
            }
            Ok(waits)
        });
        Ok(Waits { over, watcher: Some(watcher) })
    }

    fn end(&mut self) -> Result<String, Box<dyn Error>> {
        self.over.store(true, Ordering::Relaxed);
        let watcher = self.watcher.take().ok_or("it was ended")?;
        let waits = watcher.join().map_err(|_| "the watcher panicked")??;
        let of = Quantiles::of(&waits).ok_or("nothing was asked")?;
        Ok(format!(
            "p50 {:.2} ms, p99 {:.2} ms, at most {:.2} ms ({} asked)",
            of.p50,
            of.p99,
            waits.max() as f64 / 1e3,
            waits.len()
        ))
    }
}
