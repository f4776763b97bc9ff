//! The documents say what the program does.

use std::collections::BTreeSet;

use super::*;
use crate::metrics::{Label, Route};
use crate::wire::Close;

fn document(name: &str) -> Value {
    let (_, text) = documents().iter().find(|(known, _)| known == name).expect("a document");
    serde_json::from_slice(text).unwrap()
}

/// Paths of the OpenAPI document with their methods and codes, those of the ops listener apart.
fn operations(of: &Value, ops: bool) -> Vec<(String, String, BTreeSet<String>)> {
    let paths = of["paths"].as_object().unwrap();
    let wanted = paths.iter().filter(|(_, item)| item.get("servers").is_some() == ops);
    let operations = wanted.flat_map(|(path, item)| {
        let methods = ["get", "post", "delete"].into_iter().filter_map(|method| Some((method, item.get(method)?)));
        methods.map(|(method, operation)| {
            let codes = operation["responses"].as_object().unwrap().keys().cloned().collect();
            (path.clone(), method.to_uppercase(), codes)
        })
    });
    operations.collect()
}

#[test]
fn every_route_method_and_code_is_there() {
    let openapi = document("openapi.json");
    let told = operations(&openapi, false);
    for route in Route::ALL.iter().filter(|route| route.name().starts_with("/v1/")) {
        let own: Vec<_> = told.iter().filter(|(path, ..)| path == route.name()).collect();
        let methods: BTreeSet<&str> = own.iter().map(|(_, method, _)| method.as_str()).collect();
        let answered: BTreeSet<&str> = route.methods().iter().copied().filter(|method| *method != "HEAD").collect();
        assert_eq!(methods, answered, "{}", route.name());
        for (method, codes) in route.answers() {
            let (.., known) = own.iter().find(|(_, own, _)| own == method).expect("compared above");
            let counted = codes.iter().map(|code| (*code).to_owned()).collect();
            assert_eq!(*known, counted, "{method} {}: what is documented, and what is counted from 0", route.name());
        }
    }
    let known = |path: &str| Route::ALL.iter().any(|route| route.name() == path);
    let others: Vec<&str> = told.iter().map(|(path, ..)| path.as_str()).filter(|path| !known(path)).collect();
    assert_eq!(others, ["/asyncapi.json", "/openapi.json", "/schemas/{name}.json"]);
    let ops: Vec<String> = operations(&openapi, true).into_iter().map(|(path, ..)| path).collect();
    assert_eq!(ops, ["/livez", "/metrics", "/readyz", "/status.json"]);
}

#[test]
fn every_schema_is_named_and_every_reference_leads_somewhere() {
    let openapi = document("openapi.json");
    let told: BTreeSet<String> =
        serde_json::from_value(openapi["paths"]["/schemas/{name}.json"]["parameters"][0]["schema"]["enum"].clone())
            .unwrap();
    let served = documents().iter().filter_map(|(name, _)| name.strip_prefix("schemas/")?.strip_suffix(".json"));
    assert_eq!(told, served.map(str::to_owned).collect());
    for (name, _) in documents() {
        let document = document(name);
        references(&document, &mut |reference| {
            let pointer = reference.strip_prefix('#').expect("nothing outside the document");
            assert!(document.pointer(pointer).is_some(), "{name}: {reference}");
        });
    }
}

fn references(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                found(reference);
            }
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_message_and_every_close_code_is_there() {
    let asyncapi = document("asyncapi.json");
    let messages =
        |path: &str| asyncapi.pointer(path).unwrap().as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let ws = messages("/channels/ws/messages");
    let client = ["auth", "options", "ping", "subscribe", "unsubscribe"];
    assert_eq!(ws.iter().filter_map(|name| name.strip_prefix("client.")).collect::<Vec<_>>(), client);
    let server = [
        "authorized",
        "error",
        "feed",
        "goodbye",
        "heartbeat",
        "hello",
        "options",
        "pong",
        "position",
        "removed",
        "reset",
        "state",
        "status",
        "subscribed",
        "unsubscribed",
        "update",
    ];
    assert_eq!(ws.iter().filter_map(|name| name.strip_prefix("server.")).collect::<Vec<_>>(), server);
    assert_eq!(messages("/channels/sse/messages").len(), server.len());
    assert_eq!(asyncapi["operations"]["ask"]["messages"].as_array().unwrap().len(), client.len());
    for message in asyncapi["components"]["messages"].as_object().unwrap().values() {
        assert!(message["summary"].as_str().is_some_and(|said| !said.is_empty()), "{}", message["name"]);
    }
    let codes = &asyncapi["channels"]["ws"]["x-close-codes"];
    for close in [
        Close::Drain,
        Close::BadCommands,
        Close::Unauthorized,
        Close::Forbidden,
        Close::Timeout,
        Close::TooMany,
        Close::Internal,
    ] {
        let (code, reason) = close.code_and_reason();
        let told = codes[code.unwrap().to_string()].as_str().unwrap_or_default();
        assert!(reason.starts_with(told), "{code:?}: {told:?}, closed with {reason:?}");
    }
    for code in [1000, 1001, 1002, 1003, 1007, 1009] {
        assert!(codes[code.to_string()].is_string(), "{code}");
    }
}

#[test]
fn a_patch_may_say_null_and_a_state_may_not() {
    let patch = document("schemas/patch.json");
    let total =
        "/properties/competitors/anyOf/0/additionalProperties/anyOf/0/properties/score/anyOf/0/properties/total";
    assert_eq!(patch.pointer(total).unwrap()["anyOf"][1]["type"], "null");
    for name in ["schemas/game.json", "schemas/problem.json", "schemas/command.json"] {
        assert!(!document(name).to_string().contains("\"null\""), "{name}");
    }
}
