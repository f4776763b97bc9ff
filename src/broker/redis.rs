//! The shared engine: the log is a Redis stream, the games a hash beside it, and four scripts are all that writes them.
//!
//! - `url`: what a broker URL says; `finder`: where the log is now; `link`: the publishers' connection.
//! - `script`: the scripts. `publish.lua` is one change, all or nothing; `open.lua` says where the log stands, and both
//!   begin a new epoch where history may be shorter than what was seen (`place.lua`).
//! - `rows`: what is written, and back.
//! - `here`: which processes share the log.
//! - `follow`, `load`, `inbox`: a follower. Pub/sub is only the fast hint: nothing is told without its offset's turn.
//!
//! It does not know clusters' slots (all keys are in one) or documents' meaning.

mod finder;
mod follow;
mod here;
mod inbox;
mod link;
mod load;
mod rows;
mod script;
mod url;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::redis::{Value, cmd, pipe};
use async_trait::async_trait;
use feeds::Topic;
use serde::Serialize;
use tokio::sync::mpsc;

use self::finder::{Finder, array, text};
use self::link::Link;
use self::script::Scripts;
use self::url::{Servers, Target};
use super::{Answer, Bounds, Broker, BrokerError, Draft, Event, FORMAT, Followed, Heard, Outcome, Reading, Stamp};
use crate::wire::{FeedStatus, Position};

const EPOCH_LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const EPOCH_LEN: usize = 8;

/// The shared engine.
pub struct RedisBroker(Arc<Shared>);

/// What publishers and followers share.
struct Shared {
    finder: Arc<Finder>,
    link: Link,
    scripts: Scripts,
    names: Names,
    bounds: Bounds,
    replicas: Replicas,
}

/// Keys and the channel: all in one slot.
struct Names {
    state: String,
    log: String,
    games: String,
    ids: String,
    ages: String,
    gone: String,
    /// Followed by a game.
    said: String,
    /// Followed by a name.
    lease: String,
    here: String,
    /// Written where only `WAIT` is wanted.
    touched: String,
    channel: String,
    publish: &'static str,
    subscribe: &'static str,
}

impl Names {
    fn of(target: &Target) -> Names {
        let key = |name: &str| format!("{{{}}}:{name}", target.namespace);
        let sharded = matches!(target.servers, Servers::Cluster(_));
        Names {
            state: key("state"),
            log: key("log"),
            games: key("games"),
            ids: key("ids"),
            ages: key("ages"),
            gone: key("gone"),
            said: key("said:"),
            lease: key("lease:"),
            here: key("here"),
            touched: key("touched"),
            // Channels are of no database.
            channel: key(&format!("live:{}", target.db)),
            publish: if sharded { "SPUBLISH" } else { "PUBLISH" },
            subscribe: if sharded { "SSUBSCRIBE" } else { "SUBSCRIBE" },
        }
    }
}

/// Where the log stands.
struct Place {
    epoch: Arc<str>,
    head: u64,
    /// The log's clock; ms.
    now: i64,
    horizon: u64,
}

/// What a call of the publish script says, beside what every call says.
#[derive(Default)]
struct Call<'a> {
    game: &'a str,
    expected: u64,
    removed: bool,
    scored: bool,
    event: Vec<u8>,
    body: Vec<u8>,
    provider: &'a str,
    id: &'a str,
    hash: &'a str,
    stamp: Stamp,
    image: Vec<u8>,
}

impl RedisBroker {
    /// Opens the log that a URL names.
    ///
    /// # Errors
    /// When the URL is of no known form, nobody answers there, or the server would throw away what is written.
    pub async fn open(url: &str, bounds: Bounds) -> Result<RedisBroker, BrokerError> {
        let broker = RedisBroker::new(url, bounds)?;
        broker.0.keeps_everything().await?;
        broker.0.place("", 0).await?;
        Ok(broker)
    }

    fn new(url: &str, bounds: Bounds) -> Result<RedisBroker, BrokerError> {
        let target = Target::parse(url)?;
        let names = Names::of(&target);
        let finder = Arc::new(Finder::new(target)?);
        let link = Link::new(finder.clone());
        let (scripts, replicas) = (Scripts::new(), Replicas::default());
        Ok(RedisBroker(Arc::new(Shared { finder, link, scripts, names, bounds, replicas })))
    }
}

/// Whether a server answers that would keep a log; it is only asked.
///
/// # Errors
/// As [`RedisBroker::open`].
pub(super) async fn look(url: &str, bounds: Bounds) -> Result<(), BrokerError> {
    RedisBroker::new(url, bounds)?.0.keeps_everything().await
}

#[async_trait]
impl Broker for RedisBroker {
    async fn read(&self, game: &Topic, provider: &str, id: Option<&str>) -> Result<Reading, BrokerError> {
        let Shared { link, names, bounds, .. } = &*self.0;
        let said = [format!("e {provider}"), format!("q {provider}"), format!("i {provider}")];
        let mut questions = pipe();
        questions.atomic();
        questions.cmd("HGET").arg(&names.games).arg(game.as_str());
        questions.cmd("HMGET").arg(format!("{}{game}", names.said)).arg(&said);
        questions.cmd("HGET").arg(&names.ids).arg(format!("{provider} {}", id.unwrap_or_default()));
        questions.cmd("HGET").arg(&names.state).arg("at");
        questions.cmd("TIME");
        let found = link.run(async |connection| questions.query_async::<Found>(connection).await).await?;
        let (record, (event_at, seq, image), answer, at, time) = found;
        let answer = answer.filter(|_| id.is_some());
        Ok(Reading {
            record: record.map(|row| rows::record(game.as_str(), &row)).transpose()?,
            stamp: rows::stamps(event_at.as_deref(), seq.as_deref())?,
            image: image.map(|json| serde_json::from_slice(&json)).transpose().map_err(|error| broken(&error))?,
            answer: answer.and_then(|row| rows::answer(&row, now(at, time), bounds.id_ms).transpose()).transpose()?,
        })
    }

    async fn publish(&self, draft: Draft) -> Result<Outcome, BrokerError> {
        let Draft { game, expected, event, record, provider, key, stamp, image } = &draft;
        let (id, hash) = key.as_ref().map_or(("", ""), |key| (&key.id, &key.hash));
        let reply = self.0.publish(Call {
            game: game.as_str(),
            expected: *expected,
            removed: matches!(event, Event::Removed { .. }),
            scored: !matches!(event, Event::Update(update) if !update.score),
            event: json(event),
            body: json(record),
            provider,
            id,
            hash,
            stamp: *stamp,
            image: image.as_ref().map(json).unwrap_or_default(),
        });
        let (connection, reply) = reply.await?;
        let reply: Vec<&str> = array(&reply).iter().filter_map(text).collect();
        let answer = |version: &str, epoch: &str, offset: &str| {
            let position = Position { epoch: epoch.into(), offset: rows::number(Some(offset))? };
            Ok(Answer { version: rows::number(Some(version))?, position, hash: hash.to_owned() })
        };
        match *reply {
            ["published", version, epoch, offset] => {
                self.0.replicated(connection).await?;
                answer(version, epoch, offset).map(Outcome::Published)
            }
            ["replayed", version, epoch, offset] => {
                self.0.replicated(connection).await?;
                answer(version, epoch, offset).map(Outcome::Replayed)
            }
            ["reused"] => Ok(Outcome::IdReused),
            ["outdated"] => Ok(Outcome::Outdated),
            ["conflict"] => Ok(Outcome::Conflict),
            ["full"] => Ok(Outcome::Full),
            _ => Err(broken(&"the publish script's answer")),
        }
    }

    async fn announce(&self, feed: &str, status: FeedStatus) -> Result<Position, BrokerError> {
        let event = Event::Feed { feed: feed.to_owned(), status };
        let (connection, reply) = self.0.publish(Call { event: json(&event), ..Call::default() }).await?;
        self.0.replicated(connection).await?;
        match *array(&reply).iter().filter_map(text).collect::<Vec<_>>() {
            ["published", _, epoch, offset] => {
                Ok(Position { epoch: epoch.into(), offset: rows::number(Some(offset))? })
            }
            _ => Err(broken(&"the publish script's answer")),
        }
    }

    async fn heard(&self, heard: Heard) -> Result<(), BrokerError> {
        let Shared { link, names, scripts, .. } = &*self.0;
        let Heard { game, provider, stamp, image } = &heard;
        let said = format!("{}{game}", names.said);
        let (event_at, seq) = (rows::stamp(stamp.event_at), rows::stamp(stamp.seq));
        let image = image.as_ref().map(json).unwrap_or_default();
        let arguments =
            [game.as_str().as_bytes(), provider.as_bytes(), event_at.as_bytes(), seq.as_bytes(), image.as_slice()];
        let keys = [names.games.as_str(), &said];
        link.run(async |connection| scripts.heard.run(connection, &keys, &arguments).await).await.map(drop)
    }

    async fn settled(&self) -> Result<(), BrokerError> {
        let Shared { link, names, finder, .. } = &*self.0;
        if finder.target.wait == 0 {
            return Ok(());
        }
        // A write, so that WAIT has something to wait for: it comes after all that was read.
        let mut touch = cmd("SET");
        touch.arg(&names.touched).arg(1);
        let (connection, ()) = link.numbered(async |connection| touch.query_async(connection).await).await?;
        self.0.replicated(connection).await
    }

    async fn lease(&self, name: &str, holder: &str, ttl: Duration) -> Result<bool, BrokerError> {
        let Shared { link, names, scripts, .. } = &*self.0;
        let lease = format!("{}{name}", names.lease);
        let ttl = ttl.as_millis().max(1).to_string();
        let arguments = [holder.as_bytes(), ttl.as_bytes()];
        let taken = link.run(async |connection| scripts.lease.run(connection, &[&lease], &arguments).await).await?;
        Ok(matches!(taken, Value::Int(1)))
    }

    async fn follow(&self, tell: mpsc::Sender<Followed>) {
        follow::follow(&self.0, tell).await;
    }

    async fn ready(&self) -> Result<(), BrokerError> {
        self.0.place("", 0).await.map(drop)
    }

    async fn meet(&self, name: &str, said: &str) -> Result<Vec<(String, String)>, BrokerError> {
        here::meet(&self.0, name, said).await
    }
}

impl Shared {
    /// Runs the publish script; on which connection, and its answer.
    async fn publish(&self, call: Call<'_>) -> Result<(u64, Value), BrokerError> {
        let Names { state, log, games, ids, ages, gone, said, channel, publish, .. } = &self.names;
        let said_of = format!("{said}{}", call.game);
        let keys = [state.as_str(), log, games, ids, ages, gone, &said_of];
        let flag = |flag: bool| if flag { "1" } else { "0" }.to_owned();
        let (candidate, format, expected) = (epoch_name(), FORMAT.to_string(), call.expected.to_string());
        let (removed, scored, touch) = (flag(call.removed), flag(call.scored), flag(self.finder.target.wait > 0));
        let (event_at, seq) = (rows::stamp(call.stamp.event_at), rows::stamp(call.stamp.seq));
        let Bounds { recent_ms, recent_bytes, id_ms, ids, tombstone_ms, games: most } = &self.bounds;
        let counts = [recent_bytes, ids, most].map(|count| count.cast_signed());
        let numbers = [*recent_ms, counts[0], *id_ms, counts[1], *tombstone_ms, counts[2]];
        let bounds = numbers.map(|bound| bound.to_string());
        let texts = [&candidate, &format, call.game, &expected, &removed, &scored];
        let mut arguments: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
        arguments.extend([call.event.as_slice(), &call.body]);
        let texts = [call.provider, call.id, call.hash, &event_at, &seq];
        arguments.extend(texts.iter().map(|text| text.as_bytes()));
        arguments.push(&call.image);
        arguments.extend([said.as_str(), publish, channel, &touch].iter().map(|text| text.as_bytes()));
        arguments.extend(bounds.iter().map(|bound| bound.as_bytes()));
        self.link.numbered(async |connection| self.scripts.publish.run(connection, &keys, &arguments).await).await
    }

    /// Opens the log, or asks where it stands. `known` epoch and `seen` offset: what the asker was told.
    async fn place(&self, known: &str, seen: u64) -> Result<Place, BrokerError> {
        self.link.run(async |connection| self.opened(connection, known, seen).await).await.and_then(place)
    }

    /// The same, on a connection.
    async fn opened(
        &self,
        connection: &mut ::redis::aio::MultiplexedConnection,
        known: &str,
        seen: u64,
    ) -> ::redis::RedisResult<Value> {
        let Names { state, log, games, .. } = &self.names;
        let (candidate, seen) = (epoch_name(), seen.to_string());
        let arguments = [candidate.as_bytes(), known.as_bytes(), seen.as_bytes()];
        self.scripts.open.run(connection, &[state, log, games], &arguments).await
    }

    /// Waits until as many replicas as were asked for have what was written on this connection: on another one, perhaps to
    /// another server, `WAIT` would say nothing about it.
    async fn replicated(&self, connection: u64) -> Result<(), BrokerError> {
        let (wanted, time) = (self.finder.target.wait, self.finder.target.wait_time);
        if wanted == 0 {
            return Ok(());
        }
        let written = self.replicas.written.fetch_add(1, Ordering::AcqRel) + 1;
        let mut replicated = self.replicas.replicated.lock().await;
        if replicated.0 == connection && replicated.1 >= written {
            return Ok(());
        }
        let upto = self.replicas.written.load(Ordering::Acquire);
        let mut wait = cmd("WAIT");
        wait.arg(wanted).arg(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let have: u32 = self.link.same(connection, async |connection| wait.query_async(connection).await).await?;
        if have < wanted {
            return Err(BrokerError::Away(format!("stored, but only {have} of {wanted} replicas have it")));
        }
        *replicated = (connection, upto);
        Ok(())
    }

    /// Refuses a server that would throw away the log to make room.
    async fn keeps_everything(&self) -> Result<(), BrokerError> {
        let memory = self.link.run(async |connection| cmd("INFO").arg("memory").query_async(connection).await).await;
        let memory: String = memory?;
        let field = |name: &str| memory.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        let (most, policy) = (field("maxmemory:"), field("maxmemory_policy:"));
        if most != "0" && policy.starts_with("allkeys") {
            let why = format!("maxmemory-policy is {policy}: the server would throw away games; set noeviction");
            return Err(BrokerError::Broken(why));
        }
        Ok(())
    }
}

/// Publications that wait for replicas together: one `WAIT` at a time, for all that was written before it.
#[derive(Default)]
struct Replicas {
    written: AtomicU64,
    /// On this connection, up to here.
    replicated: tokio::sync::Mutex<(u64, u64)>,
}

/// The answers of [`RedisBroker::read`]: game, stamps and image, id, the log's clock, the server's.
type Found =
    (Option<Vec<u8>>, (Option<String>, Option<String>, Option<Vec<u8>>), Option<String>, Option<i64>, (i64, i64));

/// The log's clock; ms.
fn now(at: Option<i64>, (seconds, micros): (i64, i64)) -> i64 {
    at.unwrap_or(0).max(seconds * 1_000 + micros / 1_000)
}

/// Reads the open script's answer.
fn place(reply: Value) -> Result<Place, BrokerError> {
    match *array(&reply).iter().filter_map(text).collect::<Vec<_>>() {
        [epoch, head, now, horizon] => Ok(Place {
            epoch: epoch.into(),
            head: rows::number(Some(head))?,
            now: rows::number(Some(now))?,
            horizon: rows::number(Some(horizon))?,
        }),
        _ => Err(broken(&"the open script's answer")),
    }
}

/// A name for the epoch that begins if one must.
fn epoch_name() -> String {
    let letter = |_| char::from(*fastrand::choice(EPOCH_LETTERS).expect("there are letters"));
    (0..EPOCH_LEN).map(letter).collect()
}

fn broken(what: &dyn std::fmt::Display) -> BrokerError {
    BrokerError::Broken(format!("Redis: {what}"))
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("trees with text keys are JSON")
}
