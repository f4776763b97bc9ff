//! The words on the wire: what a client asks, what the server says, every way a connection ends. Shapes and names are the
//! contract's (section 4); the encoding is JSON or [`cbor`].

pub mod cbor;
mod form;
mod position;
mod schema;

use feeds::document::FULL_ONLY;
use feeds::{Document, Topic};
pub use form::{Form, Variant};
pub use position::{Piece, Position, PositionError};
pub use schema::Patch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// How a feed stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FeedStatus {
    /// It reports at its pace.
    Live,
    /// Silent for longer than its pace allows.
    Stale,
    /// Not reached.
    Down,
}

/// How much of a game a subscription asks for. `Full` is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Detail {
    /// Without incidents, situation and info.
    Score,
    /// The whole document.
    #[default]
    Full,
}

/// Whether versions may be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The newest state counts: intermediate versions may be skipped.
    #[default]
    Latest,
    /// No version that touches the subscribed detail is skipped.
    Every,
}

/// What a client asks (contract, section 4).
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Command {
    /// Adds topics, or subscribes to them anew.
    Subscribe {
        /// Echoed; more than 0.
        id: u64,
        /// Topics as the client wrote them.
        topics: Vec<String>,
        /// The detail of these subscriptions.
        #[serde(default)]
        detail: Detail,
        /// Where the client left off.
        #[serde(default)]
        since: Option<String>,
    },
    /// Takes topics away.
    Unsubscribe {
        /// Echoed; more than 0.
        id: u64,
        /// Topics as the client wrote them.
        topics: Vec<String>,
    },
    /// Changes how the connection is served; what is absent stays.
    Options {
        /// Echoed; more than 0.
        id: u64,
        /// Seconds to be held back, 0 to 300.
        #[serde(default)]
        delay: Option<f64>,
        /// Flushes a second; 0 = no cap.
        #[serde(default)]
        max_rate: Option<f64>,
        /// Latest or every.
        #[serde(default)]
        mode: Option<Mode>,
    },
    /// A fresh token.
    Auth {
        /// Echoed; more than 0.
        id: u64,
        /// The token.
        token: String,
    },
    /// Answered by a pong.
    Ping {
        /// Echoed; more than 0.
        id: u64,
    },
}

impl Command {
    /// The id that its answers echo.
    #[must_use]
    pub fn id(&self) -> u64 {
        match self {
            Command::Subscribe { id, .. }
            | Command::Unsubscribe { id, .. }
            | Command::Options { id, .. }
            | Command::Auth { id, .. }
            | Command::Ping { id } => *id,
        }
    }

    /// Reads a command from JSON text.
    ///
    /// # Errors
    /// An [`ErrorReply`] that names what is wrong, with the command's id where it could be read.
    pub fn parse(text: &str) -> Result<Command, ErrorReply> {
        let value = feeds::json::parse(text.as_bytes())
            .map_err(|error| ErrorReply::bad(None, format!("no command: {error}")))?;
        Command::of_value(value)
    }

    fn of_value(value: serde_json::Value) -> Result<Command, ErrorReply> {
        // Serde would take a list's items for the fields, in their order.
        if !value.is_object() {
            return Err(ErrorReply::bad(None, "no command: a command is an object".into()));
        }
        let id = value.get("id").and_then(serde_json::Value::as_u64).filter(|&id| id > 0);
        let command: Command =
            serde_json::from_value(value).map_err(|error| ErrorReply::bad(id, format!("no command: {error}")))?;
        match command.id() {
            0 => Err(ErrorReply::bad(None, "id is an integer greater than 0".into())),
            _ => Ok(command),
        }
    }
}

/// Every error a client or provider can be told, by the contract's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // the words are the contract's
pub enum ErrorCode {
    BadRequest,
    TopicInvalid,
    TopicLimit,
    Unauthorized,
    TokenExpired,
    Forbidden,
    OriginRefused,
    RateLimited,
    TooLarge,
    UnsupportedMediaType,
    Invalid,
    IdReused,
    Unavailable,
    NotFound,
    Conflict,
    Internal,
}

/// A command's refusal.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorReply {
    /// The command's id, where it could be read.
    pub id: Option<u64>,
    /// What kind.
    pub code: ErrorCode,
    /// What is wrong, for a person.
    pub message: String,
}

impl ErrorReply {
    /// A `bad_request`.
    #[must_use]
    pub fn bad(id: Option<u64>, message: String) -> ErrorReply {
        ErrorReply { id, code: ErrorCode::BadRequest, message }
    }
}

/// Why a position cannot be honoured, or a connection starts over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResetReason {
    /// The log's history may be shorter than what was seen.
    Epoch,
    /// What is missing is no longer kept.
    Trimmed,
    /// The delay was raised.
    Delay,
    /// The position is beyond what this gateway knows.
    Ahead,
}

/// How a connection is served: the effective values that the server echoes.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, JsonSchema)]
pub struct Options {
    /// Whole seconds by which everything is held back.
    pub delay: u16,
    /// Flushes a second; 0 = no cap.
    #[serde(serialize_with = "plain_number")]
    pub max_rate: f64,
    /// Latest or every.
    pub mode: Mode,
}

/// A whole number without a decimal point.
#[allow(clippy::cast_possible_truncation, clippy::trivially_copy_pass_by_ref)] // serde's signature; it was checked to be whole
fn plain_number<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.fract() == 0.0 { serializer.serialize_i64(*number as i64) } else { serializer.serialize_f64(*number) }
}

/// Everything the server says (contract, section 4). Absent fields are left out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
#[allow(missing_docs)] // fields are the contract's, word for word
pub enum Message<'a> {
    /// The first message of a connection.
    Hello { session: &'a str, gateway: &'a str, heartbeat: u32, time_ms: i64 },
    /// A subscription begins; its games follow, then its end mark.
    Subscribed {
        id: u64,
        topics: Vec<Topic>,
        detail: Detail,
        #[serde(flatten)]
        options: Options,
        resumed: bool,
        games: usize,
    },
    /// The whole game: it replaces what is held.
    State { game: &'a Topic, version: u64, state: Shaped<'a> },
    /// With an id the end mark of that command; from here a client may resume.
    Position {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        position: Position,
    },
    /// What a game's change touched, as a merge patch: apply when base ≤ held version < version.
    Update {
        game: &'a Topic,
        base: u64,
        version: u64,
        #[schemars(with = "Patch")]
        patch: Shaped<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        position: Option<Position>,
        at: i64,
    },
    /// The game is gone.
    Removed {
        game: &'a Topic,
        #[serde(skip_serializing_if = "Option::is_none")]
        position: Option<Position>,
    },
    /// What is held starts over: positions are void until the next end mark.
    Reset {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        reason: ResetReason,
    },
    /// How a provider stands.
    Feed {
        feed: &'a str,
        status: FeedStatus,
        #[serde(skip_serializing_if = "Option::is_none")]
        position: Option<Position>,
    },
    /// Whether the gateway has its log; without it what is shown may be old.
    Status {
        live: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    /// Drop what no remaining topic covers.
    Unsubscribed { id: u64, topics: Vec<Topic> },
    /// How the connection is served from now on.
    Options {
        id: u64,
        #[serde(flatten)]
        options: Options,
    },
    /// The fresh token counts.
    Authorized { id: u64, expires_at: i64 },
    /// Nothing else was said for a while.
    Heartbeat {
        #[serde(skip_serializing_if = "Option::is_none")]
        position: Option<Position>,
        time_ms: i64,
    },
    /// The answer to a ping.
    Pong { id: u64, time_ms: i64 },
    /// A command that cannot be taken.
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        code: ErrorCode,
        message: String,
    },
    /// The connection ends; come back after so many ms.
    Goodbye { reason: &'a str, reconnect_ms: u64 },
}

impl Message<'_> {
    /// The position that it carries.
    #[must_use]
    pub fn position(&self) -> Option<&Position> {
        match self {
            Message::Position { position, .. } => Some(position),
            Message::Update { position, .. }
            | Message::Removed { position, .. }
            | Message::Feed { position, .. }
            | Message::Heartbeat { position, .. } => position.as_ref(),
            _ => None,
        }
    }
}

/// A document or patch in one of the two details, without a copy.
#[derive(Debug, Clone, Copy)]
pub struct Shaped<'a>(pub &'a Document, pub Detail);

impl Serialize for Shaped<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Shaped(document, detail) = *self;
        let shown = |key: &&String| detail == Detail::Full || !FULL_ONLY.contains(&key.as_str());
        serializer.collect_map(document.iter().filter(|(key, _)| shown(key)))
    }
}

/// Every way the server ends a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Close {
    /// The client closed; its own code is echoed.
    Echo(Option<u16>),
    /// RFC 6455 faults: 1002, 1003, 1007, 1009.
    Protocol(u16, &'static str),
    /// Restart: 1012.
    Drain,
    /// Repeated bad commands: 4000.
    BadCommands,
    /// Token missing, wrong or expired: 4001.
    Unauthorized,
    /// Not allowed: 4003.
    Forbidden,
    /// Nothing acknowledged for two heartbeats: 4008.
    Timeout,
    /// Too many commands: 4029.
    TooMany,
    /// Our fault: 1011.
    Internal,
}

impl Close {
    /// The close code and reason that go on the wire.
    #[must_use]
    pub fn code_and_reason(&self) -> (Option<u16>, &'static str) {
        match *self {
            Close::Echo(code) => (code, ""),
            Close::Protocol(code, reason) => (Some(code), reason),
            Close::Drain => (Some(1012), "restart"),
            Close::BadCommands => (Some(4000), "repeated bad commands"),
            Close::Unauthorized => (Some(4001), "token missing, wrong or expired"),
            Close::Forbidden => (Some(4003), "forbidden"),
            Close::Timeout => (Some(4008), "nothing acknowledged"),
            Close::TooMany => (Some(4029), "too many commands"),
            Close::Internal => (Some(1011), "internal error"),
        }
    }
}
