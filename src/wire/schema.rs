//! What the types of the wire are as JSON Schemas, where a derive cannot say it.

use std::borrow::Cow;

use feeds::Game;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Position, Shaped};

/// A merge patch on a game; what it may say is filled in from the game's schema.
pub struct Patch;

impl JsonSchema for Patch {
    fn schema_name() -> Cow<'static, str> {
        "Patch".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

impl JsonSchema for Position {
    fn schema_name() -> Cow<'static, str> {
        "Position".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A place in the log; opaque.",
            "pattern": r"^[a-z0-9]{1,16}\.(0|[1-9][0-9]*)$",
            "examples": ["k3qx9a.1041"],
        })
    }
}

/// A document in either detail is a game's.
impl JsonSchema for Shaped<'_> {
    fn schema_name() -> Cow<'static, str> {
        Game::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        Game::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Game::json_schema(generator)
    }
}
