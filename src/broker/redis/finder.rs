//! Where the log is now, and a connection to it: one server, the primary that sentinels name, or the node of a cluster
//! that serves our slot. All keys are in one slot, so the log is always one server's; it is found anew on every connect.
//!
//! The library's own reconnecting and its cluster and sentinel clients are not used: they subscribe again without saying
//! so, give up after some tries, and what was published meanwhile is not there.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::redis::aio::{AsyncPushSender, MultiplexedConnection};
use ::redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
    RedisError, RedisResult, ServerErrorKind, TlsCertificates, Value, cmd,
};
use parking_lot::Mutex;

use super::url::{Address, Servers, Target};
use crate::broker::BrokerError;

/// To connect, and for everything that is said before the first command.
const CONNECT: Duration = Duration::from_secs(1);
/// For an answer. A server that is silent for longer is taken for gone.
const ANSWER: Duration = Duration::from_secs(3);

/// Finds the log's server.
pub(super) struct Finder {
    pub(super) target: Target,
    authorities: Option<Vec<u8>>,
    /// Whom to ask first the next time: who gave a wrong answer is asked last.
    turn: AtomicUsize,
    /// Where the log was when that was last told, and whom else to ask, by what a cluster says of itself: those whom the URL
    /// names may all be gone.
    met: Mutex<Met>,
}

#[derive(Default)]
struct Met {
    log: Option<Address>,
    nodes: Vec<Address>,
}

impl Finder {
    /// # Errors
    /// When the authorities' file cannot be read.
    pub(super) fn new(target: Target) -> Result<Finder, BrokerError> {
        let file = target.tls.as_ref().and_then(|tls| tls.ca.as_ref());
        let authorities = file.map(std::fs::read).transpose();
        let authorities = authorities.map_err(|error| BrokerError::Broken(format!("ca: {error}")))?;
        Ok(Finder { target, authorities, turn: AtomicUsize::new(0), met: Mutex::default() })
    }

    /// A connection to the server that holds the log, and where that is. `push` gets what the server says unasked, and that
    /// it is gone.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn open(
        &self,
        push: impl AsyncPushSender,
    ) -> Result<(MultiplexedConnection, Address), BrokerError> {
        let answer = ANSWER + self.target.wait_time;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(answer))
            .set_push_sender(push);
        // Where nobody tells, it may still be where it was: the server itself says whether it is.
        let address = match self.find().await {
            Ok(address) => address,
            Err(error) => self.met.lock().log.clone().ok_or(error)?,
        };
        let user = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3).set_db(self.target.db);
        let user = self.target.user.iter().fold(user, |user, name| user.set_username(name));
        let user = self.target.password.iter().fold(user, |user, password| user.set_password(password));
        let mut connection = self.connect(&address, user, config).await.map_err(|error| at(&address, error))?;
        if matches!(self.target.servers, Servers::Sentinels(..)) {
            let role: Value = cmd("ROLE").query_async(&mut connection).await.map_err(|error| at(&address, error))?;
            if array(&role).first().and_then(text) != Some("master") {
                return Err(BrokerError::Away(format!("{address} is no primary (any more)")));
            }
        }
        Ok((connection, address))
    }

    /// The address of the server that holds the log.
    ///
    /// # Errors
    /// When nobody who should know tells.
    pub(super) async fn find(&self) -> Result<Address, BrokerError> {
        let known = match &self.target.servers {
            Servers::One(address) => return Ok(address.clone()),
            Servers::Sentinels(known, _) => known.clone(),
            Servers::Cluster(known) => {
                let others = self.met.lock().nodes.clone().into_iter().filter(|node| !known.contains(node));
                known.iter().cloned().chain(others).collect()
            }
        };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut failed = BrokerError::Away("nobody to ask".to_owned());
        for i in 0..known.len() {
            let asked = &known[(turn + i) % known.len()];
            match self.ask(asked).await {
                Ok(Some(address)) => {
                    self.met.lock().log = Some(address.clone());
                    return Ok(address);
                }
                Ok(None) => failed = BrokerError::Away(format!("{asked} does not know where the log is")),
                Err(error) => failed = at(asked, error),
            }
        }
        Err(failed)
    }

    async fn ask(&self, asked: &Address) -> RedisResult<Option<Address>> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(CONNECT));
        if let Servers::Sentinels(_, service) = &self.target.servers {
            let mut connection = self.connect(asked, RedisConnectionInfo::default(), config).await?;
            let mut question = cmd("SENTINEL");
            question.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
            let found: Option<(String, u16)> = question.query_async(&mut connection).await?;
            return Ok(found.map(|(host, port)| Address { host, port }));
        }
        let user = RedisConnectionInfo::default();
        let user = self.target.user.iter().fold(user, |user, name| user.set_username(name));
        let user = self.target.password.iter().fold(user, |user, password| user.set_password(password));
        let mut connection = self.connect(asked, user, config).await?;
        let mut slot = cmd("CLUSTER");
        slot.arg("KEYSLOT").arg(format!("{{{}}}", self.target.namespace));
        let slot: i64 = slot.query_async(&mut connection).await?;
        let slots: Value = cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await?;
        self.met.lock().nodes = nodes(&slots, asked);
        Ok(serving(&slots, slot, asked))
    }

    async fn connect(
        &self,
        address: &Address,
        user: RedisConnectionInfo,
        config: AsyncConnectionConfig,
    ) -> RedisResult<MultiplexedConnection> {
        let (host, port) = (address.host.clone(), address.port);
        let client = if self.target.tls.is_some() {
            let place = ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None };
            let certificates = TlsCertificates { client_tls: None, root_cert: self.authorities.clone() };
            Client::build_with_tls(place.into_connection_info()?.set_redis_settings(user), certificates)?
        } else {
            Client::open(ConnectionAddr::Tcp(host, port).into_connection_info()?.set_redis_settings(user))?
        };
        client.get_multiplexed_async_connection_with_config(&config).await
    }
}

/// Who serves the slot, by `CLUSTER SLOTS`: ranges of slots, each with its primary first.
fn serving(slots: &Value, slot: i64, asked: &Address) -> Option<Address> {
    array(slots).iter().map(array).find_map(|range| {
        let [Value::Int(first), Value::Int(last), primary, ..] = range else { return None };
        (*first..=*last).contains(&slot).then(|| node(primary, asked)).flatten()
    })
}

/// All nodes that `CLUSTER SLOTS` names, replicas too.
fn nodes(slots: &Value, asked: &Address) -> Vec<Address> {
    let named = array(slots).iter().flat_map(|range| array(range).iter().skip(2));
    named.filter_map(|named| node(named, asked)).collect()
}

fn node(named: &Value, asked: &Address) -> Option<Address> {
    let [host, Value::Int(port), ..] = array(named) else { return None };
    // A node that does not know its own name leaves it out: it is where it was asked.
    let host = text(host).filter(|host| !host.is_empty()).unwrap_or(&asked.host).to_owned();
    Some(Address { host, port: u16::try_from(*port).ok()? })
}

/// An array's items; none of what is no array.
pub(super) fn array(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        _ => &[],
    }
}

/// A text's characters.
pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

fn at(address: &Address, error: RedisError) -> BrokerError {
    match fault(error) {
        BrokerError::Away(why) => BrokerError::Away(format!("{address}: {why}")),
        BrokerError::Refused(why) => BrokerError::Refused(format!("{address}: {why}")),
        BrokerError::Broken(why) => BrokerError::Broken(format!("{address}: {why}")),
    }
}

/// Whether the server should be found anew after this error.
pub(super) fn lost(error: &RedisError) -> bool {
    use ServerErrorKind::{Ask, BusyLoading, ClusterDown, ExecAbort, MasterDown, Moved, ReadOnly};
    match error.kind() {
        // A transaction's commands were refused for one of the other reasons.
        ErrorKind::Server(ExecAbort) => true,
        ErrorKind::Server(kind) => matches!(kind, Moved | Ask | ClusterDown | MasterDown | ReadOnly | BusyLoading),
        // A reply that is not what was asked for may be another's.
        ErrorKind::Io | ErrorKind::Parse | ErrorKind::UnexpectedReturnType => true,
        _ => error.is_unrecoverable_error(),
    }
}

/// The library's error in the contract's words.
pub(super) fn fault(error: RedisError) -> BrokerError {
    use ServerErrorKind::{Ask, BusyLoading, ClusterDown, ExecAbort, MasterDown, Moved, ReadOnly, TryAgain};
    let why = error.to_string();
    match error.kind() {
        ErrorKind::Server(Moved | Ask | ClusterDown | ExecAbort | MasterDown | ReadOnly | BusyLoading | TryAgain) => {
            BrokerError::Refused(why)
        }
        ErrorKind::Io => BrokerError::Away(why),
        _ => match error.code() {
            Some("OOM" | "MISCONF" | "NOREPLICAS" | "BUSY") => BrokerError::Refused(why),
            _ => BrokerError::Broken(why),
        },
    }
}
