//! JSON Schemas (draft 2020-12) of what is posted, asked and answered.

use feeds::Game;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::shapes;
use crate::wire::{Command, Message};

/// What is at `/schemas/<name>.json`, each complete in itself.
pub(super) fn all() -> Vec<(&'static str, Value)> {
    let mut report = asked::<shapes::Report>();
    // One of the two, never both.
    report["oneOf"] = json!([{ "required": ["patch"] }, { "required": ["image"] }]);
    vec![
        ("game", of::<Game>()),
        ("patch", patch()),
        ("report", report),
        ("result", asked::<shapes::ReportResult>()),
        ("results", asked::<shapes::Results>()),
        ("problem", asked::<shapes::Problem>()),
        ("games", of::<shapes::Games>()),
        ("held-game", of::<shapes::HeldGame>()),
        ("history", asked::<shapes::History>()),
        ("poll", of::<shapes::PollAnswer>()),
        ("command", asked::<Command>()),
        ("message", of::<Message<'static>>()),
    ]
}

/// All of them by their titles, for a document that holds them under `components`.
pub(super) fn components(schemas: &[(&'static str, Value)]) -> Map<String, Value> {
    let mut components = Map::new();
    for (_, schema) in schemas {
        let text = schema.to_string().replace("#/$defs/", "#/components/schemas/");
        let mut schema: Map<String, Value> = serde_json::from_str(&text).expect("it was JSON");
        schema.remove("$schema");
        if let Some(Value::Object(inner)) = schema.remove("$defs") {
            components.extend(inner);
        }
        let title = schema.get("title").and_then(Value::as_str).expect("a root schema has a title").to_owned();
        components.insert(title, schema.into());
    }
    components
}

/// As it is written.
fn of<T: JsonSchema>() -> Value {
    finished(SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>().to_value())
}

/// As it is read: what is optional may be left out.
fn asked<T: JsonSchema>() -> Value {
    finished(SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<T>().to_value())
}

fn finished(mut schema: Value) -> Value {
    without_null(&mut schema);
    if let Some(held) = schema.pointer_mut("/$defs/Patch") {
        *held = patch();
        held.as_object_mut().map(|held| held.remove("$schema"));
    }
    schema
}

/// A merge patch (RFC 7396) on a game: each part of it, or null, which deletes.
fn patch() -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<Game>().to_value();
    without_null(&mut schema);
    nullable_parts(&mut schema);
    schema["title"] = "Patch".into();
    schema["description"] = "A merge patch (RFC 7396) on a game: what is named changes, null deletes.".into();
    schema
}

fn nullable_parts(schema: &mut Value) {
    let Value::Object(schema) = schema else { return };
    schema.remove("required");
    let parts = schema.get_mut("properties").and_then(Value::as_object_mut);
    for part in parts.into_iter().flat_map(Map::values_mut) {
        nullable(part);
    }
    if let Some(part) = schema.get_mut("additionalProperties").filter(|part| part.is_object()) {
        nullable(part);
    }
}

fn nullable(schema: &mut Value) {
    nullable_parts(schema);
    let own = std::mem::take(schema);
    *schema = json!({ "anyOf": [own, { "type": "null" }] });
}

/// What is not said is left out, never null: so an `Option`'s null goes.
fn without_null(schema: &mut Value) {
    if let Value::Object(fields) = schema {
        if let Some(Value::Array(kinds)) = fields.get_mut("type") {
            kinds.retain(|kind| kind != "null");
            if let [only] = kinds.as_slice() {
                let only = only.clone();
                fields.insert("type".to_owned(), only);
            }
        }
        // Of `enum: [.., null]`, and of a reference or null.
        if let Some(Value::Array(values)) = fields.get_mut("enum") {
            values.retain(|value| !value.is_null());
        }
        if let Some(Value::Array(choices)) = fields.get_mut("anyOf") {
            choices.retain(|choice| choice["type"] != "null");
            if let [Value::Object(only)] = choices.as_slice() {
                let only = only.clone();
                fields.remove("anyOf");
                fields.extend(only);
            }
        }
        if fields.get("default") == Some(&Value::Null) {
            fields.remove("default");
        }
    }
    match schema {
        Value::Object(fields) => fields.values_mut().for_each(without_null),
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}
