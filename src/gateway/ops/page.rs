//! The status page: the picture as tables. No script; it loads itself anew.

use std::fmt::Write;

use serde_json::Value;

/// Nothing but its own style.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width\"><meta http-equiv=\"refresh\" content=\"5\">\
    <title>Scoreline operations</title><style>\
    :root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}body{max-width:60rem;margin:2rem auto;padding:0 1rem}\
    table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}th,td{text-align:left;padding:.25rem .75rem .25rem 0;\
    border-bottom:1px solid #8884}td{font-variant-numeric:tabular-nums}h2{font-size:1rem;margin:0}.no{color:#c33;font-weight:600}\
    </style></head><body>";

/// The page of a picture.
pub(super) fn html(picture: &Value) -> String {
    let mut page = HEAD.to_owned();
    let state = match picture["reason"].as_str() {
        None => "ready".to_owned(),
        Some(why) => format!("<span class=\"no\">not ready: {}</span>", escape(why)),
    };
    let _ = write!(
        page,
        "<h1>Scoreline {}</h1><p>This process: {} ({}), {state}, up for {} s. <a href=\"/metrics\">metrics</a> \
         <a href=\"/status.json\">status.json</a> <a href=\"/livez\">livez</a> <a href=\"/readyz\">readyz</a></p>",
        cell(&picture["version"]),
        cell(&picture["name"]),
        cell(&picture["role"]),
        cell(&picture["uptime_s"]),
    );
    let (processes, all) = (cell(&picture["service"]["processes"]), cell(&picture["service"]["connections"]));
    let title = format!("The service: processes that share the log ({processes}), subscribers of all of them ({all})");
    table(&mut page, &title, &picture["gateways"], &["name", "role", "version", "ready", "connections", "ops"]);
    fields(&mut page, "Games by status, the same on every gateway", &picture["games"]);
    fields(&mut page, "The log, as this process sees it", &picture["broker"]);
    fields(&mut page, "Connections to this process", &picture["connections"]);
    let columns = ["name", "up", "last_report_at", "reports_last_minute", "leads", "leads_live"];
    table(
        &mut page,
        "Providers, as this process hears them; games that they lead on every gateway",
        &picture["providers"],
        &columns,
    );
    table(
        &mut page,
        "Games whose news took longest to the log in the last five minutes, whichever process took it",
        &picture["slowest_games"],
        &["game", "late_ms", "provider", "publications"],
    );
    page.push_str("</body></html>\n");
    page
}

/// An object as a table of two rows.
fn fields(page: &mut String, title: &str, object: &Value) {
    let Some(object) = object.as_object().filter(|object| !object.is_empty()) else { return };
    let heads: String = object.keys().map(|name| format!("<th>{}</th>", head(name))).collect();
    let cells: String = object.values().map(|value| format!("<td>{}</td>", cell(value))).collect();
    let _ = write!(page, "<h2>{title}</h2><table><tr>{heads}</tr><tr>{cells}</tr></table>");
}

fn table(page: &mut String, title: &str, rows: &Value, columns: &[&str]) {
    let heads: String = columns.iter().map(|name| format!("<th>{}</th>", head(name))).collect();
    let _ = write!(page, "<h2>{title}</h2><table><tr>{heads}</tr>");
    for row in rows.as_array().into_iter().flatten() {
        let cells: String = columns.iter().map(|name| format!("<td>{}</td>", told(name, &row[*name]))).collect();
        let _ = write!(page, "<tr>{cells}</tr>");
    }
    page.push_str("</table>");
}

fn head(name: &str) -> String {
    escape(name.trim_end_matches("_at").trim_end_matches("_ms")).replace('_', " ")
}

/// A value under its name: instants as such, durations with their unit.
fn told(name: &str, value: &Value) -> String {
    match value.as_i64() {
        Some(ms) if name.ends_with("_at") => {
            jiff::Timestamp::from_millisecond(ms).map_or_else(|_| cell(value), |instant| instant.to_string())
        }
        Some(ms) if name.ends_with("_ms") => format!("{ms} ms"),
        _ => cell(value),
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "<span class=\"no\">no</span>".to_owned(),
        Value::String(text) => escape(text),
        other => escape(&other.to_string()),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
