//! Topics: paths of lower-case segments that name a game or cover several.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest topic, in bytes.
pub const MAX_TOPIC_BYTES: usize = 200;
pub(crate) const MAX_SEGMENT_BYTES: usize = 63;
const TEAM: &str = "team";

/// A valid topic: `*`, `sport`, `sport/competition`, `sport/competition/game` or `team/sport/team`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(Arc<str>);

impl schemars::JsonSchema for Topic {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Topic".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        const SEGMENT: &str = "[a-z0-9][a-z0-9._-]{0,62}";
        schemars::json_schema!({
            "type": "string",
            "description": "sport, sport/competition, sport/competition/game, team/sport/team, or * for everything.",
            "pattern": format!(r"^(\*|{SEGMENT}(/{SEGMENT}){{0,2}})$"),
            "maxLength": MAX_TOPIC_BYTES,
            "examples": ["soccer/eng.1/ars-che"],
        })
    }
}

/// What a topic covers, told from its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `*`: every game.
    All,
    /// `soccer`: every game of a sport.
    Sport,
    /// `soccer/eng.1`: every game of a competition.
    Competition,
    /// `soccer/eng.1/ars-che`: one game.
    Game,
    /// `team/soccer/arsenal`: the games of a team.
    Team,
}

/// Why a text is no topic; the message names the text and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("topic {text:?}: {rule}")]
pub struct TopicError {
    /// The text, cut at 80 characters.
    pub text: String,
    /// The rule it breaks.
    pub rule: &'static str,
}

impl Topic {
    /// The topic that covers everything.
    #[must_use]
    pub fn all() -> Topic {
        Topic("*".into())
    }

    /// The game `sport/competition/game`.
    ///
    /// # Errors
    /// When a segment is not `[a-z0-9][a-z0-9._-]*`.
    pub fn game(sport: &str, competition: &str, game: &str) -> Result<Topic, TopicError> {
        Topic::parse_game(&format!("{sport}/{competition}/{game}"))
    }

    /// The games of a team, or `None` when `team` is no segment.
    #[must_use]
    pub fn team(sport: &str, team: &str) -> Option<Topic> {
        format!("{TEAM}/{sport}/{team}").parse().ok()
    }

    /// The text of the topic.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it covers.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match (&*self.0, self.0.matches('/').count()) {
            ("*", _) => Kind::All,
            (_, 0) => Kind::Sport,
            (_, 1) => Kind::Competition,
            (text, _) if text.starts_with("team/") => Kind::Team,
            _ => Kind::Game,
        }
    }

    /// Whether it names one game.
    #[must_use]
    pub fn is_game(&self) -> bool {
        self.kind() == Kind::Game
    }

    /// The topic of one game.
    ///
    /// # Errors
    /// When it is no topic, or not a game's.
    pub fn parse_game(text: &str) -> Result<Topic, TopicError> {
        let topic: Topic = text.parse()?;
        if topic.is_game() { Ok(topic) } else { Err(error(text, "a game is sport/competition/game")) }
    }

    /// The segments of the topic.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The sport a game belongs to: the first segment (of a team topic the second).
    #[must_use]
    pub fn sport(&self) -> &str {
        let skip = usize::from(self.kind() == Kind::Team);
        self.segments().nth(skip).unwrap_or("")
    }

    /// The competition segment of a game or competition topic, else the empty string.
    #[must_use]
    pub fn competition(&self) -> &str {
        match self.kind() {
            Kind::Game | Kind::Competition => self.segments().nth(1).unwrap_or(""),
            _ => "",
        }
    }

    /// Whether the path of this topic is `other`'s or a prefix of it (`*` covers all). Team topics cover by the game's
    /// document, not by its path: see [`crate::document::routing_topics`].
    #[must_use]
    pub fn covers_path(&self, other: &Topic) -> bool {
        self.kind() == Kind::All
            || other.0.strip_prefix(&*self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

fn error(text: &str, rule: &'static str) -> TopicError {
    TopicError { text: text.chars().take(80).collect(), rule }
}

/// Whether `text` may stand between the slashes of a topic.
#[must_use]
pub fn is_segment(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.len() <= MAX_SEGMENT_BYTES
        && bytes.first().copied().is_some_and(plain)
        && bytes.iter().all(|&b| plain(b) || matches!(b, b'.' | b'_' | b'-'))
}

/// The nearest segment to a free text: lower case, accents folded where they are common, everything else a dash; `None`
/// when nothing is left. `"Bayern München"` → `bayern-munchen`.
#[must_use]
pub fn slug(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match fold(c) {
            "" if !out.is_empty() && !out.ends_with('-') => out.push('-'),
            folded => out.push_str(folded),
        }
    }
    let cut: String = out.chars().take(MAX_SEGMENT_BYTES).collect();
    let slug = cut.trim_matches('-');
    is_segment(slug).then(|| slug.to_owned())
}

fn fold(c: char) -> &'static str {
    const PLAIN: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
    if let Some(i) = PLAIN.find(c) {
        return &PLAIN[i..=i];
    }
    match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ę' | 'ě' => "e",
        'ğ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'ı' => "i",
        'ł' | 'ľ' => "l",
        'ñ' | 'ń' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ő' => "o",
        'ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'ť' | 'ţ' | 'ț' => "t",
        'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ž' | 'ż' => "z",
        'æ' => "ae",
        'œ' => "oe",
        'ß' => "ss",
        _ => "",
    }
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Topic, TopicError> {
        if text == "*" {
            return Ok(Topic::all());
        }
        if text.len() > MAX_TOPIC_BYTES {
            return Err(error(text, "a topic has at most 200 bytes"));
        }
        if !text.split('/').all(is_segment) {
            return Err(error(text, "a segment is [a-z0-9][a-z0-9._-]*, at most 63 bytes"));
        }
        let segments = text.split('/').count();
        if segments > 3 {
            return Err(error(text, "a topic has at most three segments"));
        }
        if text.split('/').next() == Some(TEAM) && segments < 3 {
            return Err(error(text, "a team is team/sport/team"));
        }
        Ok(Topic(text.into()))
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for Topic {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Topic, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_says_what_a_topic_covers() {
        for (text, kind, sport, competition) in [
            ("*", Kind::All, "*", ""),
            ("soccer", Kind::Sport, "soccer", ""),
            ("soccer/eng.1", Kind::Competition, "soccer", "eng.1"),
            ("soccer/eng.1/2026-11-22-ars-che", Kind::Game, "soccer", "eng.1"),
            ("team/soccer/arsenal", Kind::Team, "soccer", ""),
        ] {
            let topic: Topic = text.parse().unwrap();
            assert_eq!((topic.kind(), topic.sport(), topic.competition()), (kind, sport, competition), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_topic_and_says_why() {
        let segment = "a segment is [a-z0-9][a-z0-9._-]*, at most 63 bytes";
        let long = "x".repeat(64);
        for (text, rule) in [
            ("", segment),
            ("Soccer", segment),
            ("soccer/", segment),
            ("/soccer", segment),
            ("soccer//x", segment),
            ("-x", segment),
            ("soccer/*", segment),
            ("fußball", segment),
            (long.as_str(), segment),
            ("a/b/c/d", "a topic has at most three segments"),
            ("team", "a team is team/sport/team"),
            ("team/soccer", "a team is team/sport/team"),
            (&"x/".repeat(101), "a topic has at most 200 bytes"),
        ] {
            assert_eq!(text.parse::<Topic>().unwrap_err().rule, rule, "{text:?}");
        }
        assert!(Topic::game("team", "soccer", "arsenal").is_err(), "team is no sport");
    }

    #[test]
    fn covers_itself_and_what_is_below() {
        let covers = |a: &str, b: &str| a.parse::<Topic>().unwrap().covers_path(&b.parse().unwrap());
        assert!(
            covers("soccer", "soccer/eng.1/x") && covers("soccer/eng.1", "soccer/eng.1/x") && covers("*", "soccer")
        );
        assert!(!covers("soccer/eng.1", "soccer/eng.10/x"), "a segment counts whole");
        assert!(!covers("soccer/eng.1/x", "soccer/eng.1"));
    }

    #[test]
    fn slugs() {
        for (text, expected) in [
            ("Bayern München", Some("bayern-munchen")),
            ("1. FC Köln", Some("1-fc-koln")),
            ("  Brighton & Hove Albion ", Some("brighton-hove-albion")),
            ("O'Higgins", Some("o-higgins")),
            ("Groß-Gerau", Some("gross-gerau")),
            ("東京", None),
            ("", None),
        ] {
            assert_eq!(slug(text).as_deref(), expected, "{text:?}");
        }
    }
}
