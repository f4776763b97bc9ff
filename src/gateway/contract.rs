//! The contract for machines: `/schemas/*.json` from the types themselves, and around them `/openapi.json` (3.1) and
//! `/asyncapi.json` (3.0). What the two say of paths and words is in their files; tests hold them to routes and types.

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};

mod schemas;
mod shapes;

const OPENAPI: &str = include_str!("contract/openapi.json");
const ASYNCAPI: &str = include_str!("contract/asyncapi.json");

/// Every document, by its path without the leading slash.
pub(super) fn documents() -> &'static [(String, Bytes)] {
    static DOCUMENTS: LazyLock<Vec<(String, Bytes)>> = LazyLock::new(|| {
        let bytes = |document: Value| Bytes::from(format!("{document:#}\n"));
        make().into_iter().map(|(name, document)| (name, bytes(document))).collect()
    });
    &DOCUMENTS
}

fn make() -> Vec<(String, Value)> {
    let schemas = schemas::all();
    let components = schemas::components(&schemas);
    let mut documents = vec![
        ("openapi.json".to_owned(), openapi(components.clone())),
        ("asyncapi.json".to_owned(), asyncapi(components)),
    ];
    documents.extend(schemas.into_iter().map(|(name, schema)| (format!("schemas/{name}.json"), schema)));
    documents
}

fn read(text: &str) -> Value {
    let mut document: Value = serde_json::from_str(text).expect("tests read it");
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    document
}

fn openapi(components: Map<String, Value>) -> Value {
    let mut document = read(OPENAPI);
    document["components"]["schemas"] = components.into();
    document
}

/// Each message and command is one of its own there, as its type's variants say.
fn asyncapi(components: Map<String, Value>) -> Value {
    let mut document = read(ASYNCAPI);
    let mut messages = Map::new();
    for (side, schema) in [("server", "Message"), ("client", "Command")] {
        let names: Vec<String> = variants(&components[schema]).map(|(name, _)| format!("{side}.{name}")).collect();
        for (channel, kept) in [("ws", true), ("sse", side == "server")] {
            let references = names
                .iter()
                .filter(|_| kept)
                .map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") })));
            let held = document["channels"][channel]["messages"].as_object_mut().expect("the file has it");
            held.extend(references);
        }
        for (operation, channel) in [("tell", "ws"), ("ask", "ws"), ("stream", "sse")] {
            if (operation == "ask") == (side == "client") {
                let references =
                    names.iter().map(|name| json!({ "$ref": format!("#/channels/{channel}/messages/{name}") }));
                document["operations"][operation]["messages"] = references.collect();
            }
        }
        for (name, payload) in variants(&components[schema]) {
            let summary = payload["description"].clone();
            let message = json!({ "name": name, "title": name, "summary": summary, "payload": payload });
            messages.insert(format!("{side}.{name}"), message);
        }
    }
    document["components"] = json!({ "messages": messages, "schemas": components });
    document
}

/// The variants of a tagged enum's schema, by the word of their type.
fn variants(schema: &Value) -> impl Iterator<Item = (String, Value)> {
    let variants = schema["oneOf"].as_array().cloned().unwrap_or_default();
    variants
        .into_iter()
        .filter_map(|variant| Some((variant["properties"]["type"]["const"].as_str()?.to_owned(), variant)))
}

#[cfg(test)]
mod tests;
