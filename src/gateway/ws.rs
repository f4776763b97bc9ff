//! A subscriber's WebSocket: who may open one, what it speaks, and the socket's way from hyper to a shard.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::upgrade::OnUpgrade;
use parking_lot::Mutex;
use warp::http::HeaderMap;
use warp::reply::Response as Reply;

use super::bridge;
use super::gate::Gate;
use super::handshake::{self, Opening, values};
use super::origins::{Origins, refused};
use super::problem::Problem;
use super::query::{SubscribeQuery, bad};
use super::server::{Place, Taken, take_socket};
use crate::auth::{Access, Denied};
use crate::codec::{choose_subprotocol, negotiate};
use crate::drain::Drain;
use crate::fanout::{Admission, Arrival, Fanout, Outlet};
use crate::noise::Noise;
use crate::scoreboard::Scoreboard;
use crate::wire::Form;

/// The subprotocols this server speaks.
const JSON: &str = "scoreline.v1.json";
const CBOR: &str = "scoreline.v1.cbor";
const SUBPROTOCOLS: [&str; 2] = [JSON, CBOR];

/// What subscribing needs.
pub(super) struct Subscribing {
    pub(super) board: Arc<Scoreboard>,
    pub(super) fanout: Arc<Fanout>,
    pub(super) origins: Origins,
    pub(super) gate: Gate,
    /// Seconds.
    pub(super) longest_delay: u16,
    /// Of connections that were dropped.
    pub(super) noise: Mutex<Noise>,
    /// When polls that wait are sent away, and how long that may take.
    pub(super) drain: (Drain, Duration),
}

/// Answers the handshake and hands the socket to the shards once hyper lets go of it.
pub(super) fn upgrade(
    parts: Arc<Subscribing>,
    request: handshake::Request,
    query: String,
    place: Option<Place>,
) -> Result<Reply, Problem> {
    let opening = Opening::read(&request)?;
    let headers = &request.headers;
    if !parts.origins.allows(headers) {
        return Err(refused());
    }
    let offered = values(headers, "sec-websocket-protocol");
    let protocol = choose_subprotocol(offered, &SUBPROTOCOLS)
        .map_err(|_| bad(format!("none of the offered subprotocols is known; known: {}", SUBPROTOCOLS.join(", "))))?
        .protocol;
    let extension = negotiate(values(headers, "sec-websocket-extensions"));
    let query = SubscribeQuery::parse(&query)?;
    let admission = admission(&parts.gate, headers, &query)?;
    let options = match &admission {
        Admission::Granted(access, _) => query.options(parts.longest_delay, access)?,
        Admission::Awaited | Admission::Refused(_) => query.options(parts.longest_delay, &Access::everything())?,
    };
    let form = match (protocol, extension) {
        (Some(CBOR), None) => Form::Cbor,
        (Some(CBOR), Some(_)) => Form::CborDeflate,
        (_, None) => Form::Json,
        (_, Some(_)) => Form::JsonDeflate,
    };
    let (reply, on_upgrade) = opening.accept(protocol, extension);
    tokio::spawn(async move {
        match outlet_of(on_upgrade).await {
            Ok((outlet, read_ahead)) => {
                let (subscribe, permit) = (query.subscribe(), Box::new(place));
                let arrival = Arrival { outlet, read_ahead, form, options, admission, subscribe, permit };
                if !parts.fanout.adopt(arrival) && parts.noise.lock().allows(Instant::now()) {
                    tracing::warn!("a shard's door is full: a connection was dropped");
                }
            }
            Err(error) => tracing::debug!(%error, "an upgrade did not come about"),
        }
    });
    Ok(reply)
}

/// Who asks. A page's WebSocket is not told what its handshake was answered: what is wrong with a token is said on the
/// connection, unless it is worth another try.
fn admission(gate: &Gate, headers: &HeaderMap, query: &SubscribeQuery) -> Result<Admission, Problem> {
    match gate.admit_to_stay(headers, query.token()) {
        Ok((access, seat)) => Ok(Admission::Granted(access, seat)),
        Err(Denied::Missing) if !query.has_topics() => Ok(Admission::Awaited),
        Err(denied @ (Denied::Unloaded | Denied::Crowded)) => Err(denied.into()),
        Err(denied) => Ok(Admission::Refused(denied)),
    }
}

/// Where the shard's bytes go, and what the client sent ahead: the socket itself where the connection is its own; over
/// HTTP/2 a task carries them.
async fn outlet_of(on_upgrade: OnUpgrade) -> anyhow::Result<(Outlet, Vec<u8>)> {
    Ok(match take_socket(on_upgrade.await?) {
        Ok((Taken::Plain(socket), read_ahead)) => (socket.into_std()?.into(), read_ahead.to_vec()),
        Ok((Taken::Tls(stream), read_ahead)) => {
            let (socket, session) = stream.into_inner();
            (Outlet::tls(socket.into_std()?, session), read_ahead.to_vec())
        }
        Err(upgraded) => (bridge::outlet(upgraded), Vec::new()),
    })
}
