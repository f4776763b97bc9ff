//! The values that labels may have: closed enums, each value with its name.

use feeds::game::Status;
use feeds::revision::Correction;

/// A closed set of label values.
pub trait Label: Copy + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// The label's value.
    fn name(self) -> &'static str;

    /// Its place in [`Label::ALL`].
    fn index(self) -> usize;
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident { $($value:ident = $text:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)] // the values are said by their names
        pub enum $name { $($value),+ }

        impl Label for $name {
            const ALL: &'static [$name] = &[$($name::$value),+];

            fn name(self) -> &'static str {
                match self { $($name::$value => $text),+ }
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    )+};
}

labels! {
    /// How a subscriber is served.
    Transport { Ws = "ws", Sse = "sse", Poll = "poll" }

    /// Why a subscriber's connection ended.
    CloseReason {
        Client = "client", Drain = "drain", Timeout = "timeout", Protocol = "protocol", Limit = "limit", Auth = "auth",
        Error = "error",
    }

    /// Which bound had no room left for a connection or a request.
    Bound { Process = "process", Address = "address" }

    /// Where who may not was turned away.
    Door { Key = "key", Signature = "signature", Token = "token" }

    /// How a subscription began: from its position, with states, or with states after a reset.
    ResumeOutcome { Resumed = "resumed", Snapshot = "snapshot", Reset = "reset" }

    /// Why a subscriber was told a reset.
    ResetReason { Epoch = "epoch", Trimmed = "trimmed", Delay = "delay", Ahead = "ahead" }

    /// What became of a provider's body.
    PayloadOutcome { Ok = "ok", Refused = "refused" }

    /// What became of a report: section 5 of the contract.
    ReportOutcome {
        Applied = "applied", Replayed = "replayed", Unchanged = "unchanged", Outdated = "outdated",
        NotLeading = "not_leading", Conflict = "conflict", Invalid = "invalid", Forbidden = "forbidden",
        IdReused = "id_reused", Unavailable = "unavailable",
    }

    /// What became of publications that did not come by themselves: they were read from the log, or all was told anew.
    GapOutcome { Filled = "filled", Reset = "reset" }

    /// A publication's way.
    Hop {
        EventToIngest = "event_to_ingest", IngestToLog = "ingest_to_log", LogToGateway = "log_to_gateway",
        GatewayToSocket = "gateway_to_socket",
    }

    /// Where a request goes: `ops` is all of the ops listener, `page` all else, also what is none of ours.
    Route {
        Updates = "/v1/updates", Feeds = "/v1/feeds/{adapter}", Game = "/v1/games/{game}", Games = "/v1/games",
        History = "/v1/history/{game}", Ws = "/v1/ws", Sse = "/v1/sse", Poll = "/v1/poll", Page = "page",
        Ops = "ops",
    }
}

/// What a correction takes back.
impl Label for Correction {
    const ALL: &'static [Correction] = &Correction::ALL;

    fn name(self) -> &'static str {
        self.as_str()
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// A game's status.
impl Label for Status {
    const ALL: &'static [Status] = &[
        Status::Scheduled,
        Status::Live,
        Status::Break,
        Status::Interrupted,
        Status::Suspended,
        Status::Postponed,
        Status::Cancelled,
        Status::Abandoned,
        Status::Awarded,
        Status::Ended,
        Status::Final,
        Status::Unknown,
    ];

    fn name(self) -> &'static str {
        match self {
            Status::Scheduled => "scheduled",
            Status::Live => "live",
            Status::Break => "break",
            Status::Interrupted => "interrupted",
            Status::Suspended => "suspended",
            Status::Postponed => "postponed",
            Status::Cancelled => "cancelled",
            Status::Abandoned => "abandoned",
            Status::Awarded => "awarded",
            Status::Ended => "ended",
            Status::Final => "final",
            Status::Unknown => "unknown",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

impl Route {
    /// The methods it answers; others are counted as `other` of no route in particular, HEAD as GET.
    #[must_use]
    pub fn methods(self) -> &'static [&'static str] {
        match self {
            Route::Updates | Route::Feeds => &["POST"],
            Route::Game => &["GET", "HEAD", "DELETE"],
            Route::Games | Route::History | Route::Poll | Route::Page | Route::Ops => &["GET", "HEAD"],
            Route::Ws | Route::Sse => &["GET"],
        }
    }

    /// Its methods with the codes that are documented for them: series that exist from the start.
    #[must_use]
    pub fn answers(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Route::Updates => {
                &[("POST", &["200", "207", "400", "401", "403", "408", "409", "413", "415", "422", "429", "503"])]
            }
            Route::Feeds => {
                &[("POST", &["200", "207", "400", "401", "403", "404", "408", "413", "415", "422", "429", "503"])]
            }
            Route::Game => &[
                ("GET", &["200", "304", "400", "401", "403", "404", "503"]),
                ("DELETE", &["200", "400", "401", "403", "404", "409", "422", "429", "503"]),
            ],
            Route::Games => &[("GET", &["200", "304", "400", "401", "403", "409", "503"])],
            Route::History => &[("GET", &["200", "400", "401", "403", "404", "409", "503"])],
            Route::Ws => &[("GET", &["101", "400", "401", "403", "426", "503"])],
            Route::Sse => &[("GET", &["200", "204", "503"])],
            Route::Poll => &[("GET", &["200", "304", "400", "401", "403", "503"])],
            Route::Page => &[("GET", &["200", "304", "404", "503"])],
            Route::Ops => &[("GET", &["200", "503"])],
        }
    }
}
