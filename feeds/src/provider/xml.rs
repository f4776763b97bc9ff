//! XML as a plain tree of elements and attributes. A document type is refused, so there are no entities to blow up; depth
//! and size are bounded.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::report::{Invalid, escape};

/// The most nodes of a document; a day of football has some 10,000.
const MAX_NODES: u32 = 200_000;
/// The most attributes of an element, which are compared with one another.
const MAX_ATTRIBUTES: usize = 500;
/// The most namespaces, of which each element below has a list of its own. These formats have none.
const MAX_NAMESPACES: usize = 16;
/// The longest name; pointers repeat it for all that is below.
const MAX_NAME: usize = 100;
/// The longest pointer, in bytes.
const MAX_POINTER: usize = 300;
/// How deep elements nest.
const MAX_DEPTH: usize = 32;

/// An element.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Element {
    pub(super) name: String,
    /// From the root, which is empty: `/league/3/match/0`, counted among those of the same name.
    pub(super) pointer: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Element>,
    /// What of it as JSON is neither an attribute nor an element, by its name; of a list the last.
    odd: BTreeMap<String, Invalid>,
    /// So deep may go what is in it.
    room: usize,
}

impl Element {
    /// Reads a document.
    pub(super) fn parse(payload: &[u8]) -> Result<Element, Invalid> {
        let text = std::str::from_utf8(payload).map_err(|error| Invalid::new("", format!("no UTF-8: {error}")))?;
        let options = roxmltree::ParsingOptions { nodes_limit: MAX_NODES, ..roxmltree::ParsingOptions::default() };
        let text = text.trim_start_matches('\u{feff}').trim_start();
        bounded(text)?;
        let document = roxmltree::Document::parse_with_options(text, options)
            .map_err(|error| Invalid::new("", format!("no XML: {error}")))?;
        Element::of(document.root_element(), String::new(), MAX_DEPTH)
    }

    fn of(node: roxmltree::Node<'_, '_>, pointer: String, room: usize) -> Result<Element, Invalid> {
        if room == 0 {
            return Err(Invalid::new(pointer, too_deep()));
        }
        if node.tag_name().name().len() > MAX_NAME {
            return Err(Invalid::new("", format!("an element's name is longer than {MAX_NAME} bytes")));
        }
        let attributes = node.attributes().filter_map(|attribute| said(attribute.name(), attribute.value()));
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut children = Vec::new();
        for child in node.children().filter(roxmltree::Node::is_element) {
            let name = child.tag_name().name();
            let count = counts.entry(name).or_default();
            children.push(Element::of(child, below(&below(&pointer, name), &count.to_string()), room - 1)?);
            *count += 1;
        }
        let name = node.tag_name().name().to_owned();
        Ok(Element { name, pointer, attributes: attributes.collect(), children, room, odd: BTreeMap::new() })
    }

    /// The JSON that converters make of XML: attributes below `$` or behind `@`, children as objects or arrays of them.
    pub(super) fn from_json(name: &str, fields: Map<String, Value>) -> Element {
        Element::of_json(name, String::new(), fields, MAX_DEPTH)
    }

    fn of_json(name: &str, pointer: String, fields: Map<String, Value>, room: usize) -> Element {
        let mut element = Element { name: name.to_owned(), pointer, room, ..Element::default() };
        for (key, value) in fields.into_iter().filter(|(key, _)| key.len() <= MAX_NAME) {
            let pointer = below(&element.pointer, &escape(&key));
            match (key.strip_prefix('@'), value) {
                (_, Value::Object(attributes)) if key == "$" => {
                    for (name, value) in attributes {
                        element.attribute(&name, value, below(&pointer, &escape(&name)));
                    }
                }
                (_, value) if key == "$" && !is_blank(&value) => {
                    element.odd.insert(key, Invalid::new(pointer, "an object is expected"));
                }
                (None, Value::Object(child)) => element.child(&key, pointer, child),
                (None, Value::Array(items)) => element.list(&key, items, &pointer),
                (attribute, value) => element.attribute(attribute.unwrap_or(&key), value, pointer),
            }
        }
        element
    }

    fn child(&mut self, name: &str, pointer: String, fields: Map<String, Value>) {
        match self.room.checked_sub(1) {
            Some(room) => self.children.push(Element::of_json(name, pointer, fields, room)),
            None => drop(self.odd.insert(name.to_owned(), Invalid::new(pointer, too_deep()))),
        }
    }

    fn list(&mut self, name: &str, items: Vec<Value>, pointer: &str) {
        for (i, item) in items.into_iter().enumerate() {
            let pointer = below(pointer, &i.to_string());
            match item {
                Value::Object(item) => self.child(name, pointer, item),
                item if is_blank(&item) => {}
                _ => drop(self.odd.insert(name.to_owned(), Invalid::new(pointer, "an object is expected"))),
            }
        }
    }

    fn attribute(&mut self, name: &str, value: Value, pointer: String) {
        match value {
            Value::String(text) => self.attributes.extend(said(name, &text)),
            Value::Number(_) | Value::Bool(_) => self.attributes.extend(said(name, &value.to_string())),
            value if is_blank(&value) => {}
            _ => drop(self.odd.insert(name.to_owned(), Invalid::new(pointer, "a text is expected"))),
        }
    }

    /// An attribute, where it says something. Another thing in its place is a fault.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Invalid> {
        if let Some(fault) = self.odd.get(name).or_else(|| self.odd.get("$")) {
            return Err(fault.clone());
        }
        let text = self.get(name);
        let child = self.children.iter().find(|child| child.name == name && !child.is_empty());
        match child.filter(|_| text.is_none()) {
            Some(child) => Err(Invalid::new(&*child.pointer, "a text is expected")),
            None => Ok(text),
        }
    }

    /// The elements of these names. Another thing in their place is a fault.
    pub(super) fn elements(&self, names: &[&str]) -> Result<Vec<&Element>, Invalid> {
        let mut refused = Vec::new();
        let found = self.found(names, &mut refused);
        refused.pop().map_or(Ok(found), Err)
    }

    /// The elements of these names, and what stands in their place.
    pub(super) fn found(&self, names: &[&str], refused: &mut Vec<Invalid>) -> Vec<&Element> {
        let found: Vec<&Element> = self.children.iter().filter(|child| names.contains(&child.name.as_str())).collect();
        refused.extend(names.iter().filter_map(|name| self.odd.get(*name)).cloned());
        let text = names.iter().find(|name| found.is_empty() && self.get(name).is_some());
        refused.extend(text.map(|name| Invalid::new(format!("{}/{name}", self.pointer), "an element is expected")));
        found
    }

    fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.children.is_empty() && self.odd.is_empty()
    }

    /// An attribute that says something.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// An attribute that must be there.
    pub(super) fn need(&self, name: &str) -> Result<&str, Invalid> {
        self.get(name)
            .ok_or_else(|| Invalid::new(format!("{}/@{name}", self.pointer), format!("{} has no {name}", self.name)))
    }

    /// An attribute as a whole number; what is none (`?`) is nothing.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok().filter(|number: &i64| number.unsigned_abs() < 1 << 53)
    }

    /// The children of these names.
    pub(super) fn all(&self, names: &'static [&'static str]) -> impl Iterator<Item = &Element> {
        self.children.iter().filter(move |child| names.contains(&child.name.as_str()))
    }
}

/// What the parser would work on for longer than the document is long.
fn bounded(text: &str) -> Result<(), Invalid> {
    // From one tag to the next there is no more than its attributes and a text.
    let crowded = text.split('<').any(|tag| tag.matches('=').take(MAX_ATTRIBUTES + 1).count() > MAX_ATTRIBUTES);
    let spaced = text.matches("xmlns").take(MAX_NAMESPACES + 1).count() > MAX_NAMESPACES;
    match (crowded, spaced) {
        (true, _) => Err(Invalid::new("", format!("an element has more than {MAX_ATTRIBUTES} attributes"))),
        (_, true) => Err(Invalid::new("", format!("more than {MAX_NAMESPACES} namespaces"))),
        _ => Ok(()),
    }
}

/// A place within a place; beyond a length it is only told where it is in. Each element has its own.
fn below(pointer: &str, name: &str) -> String {
    if pointer.len() + name.len() < MAX_POINTER { format!("{pointer}/{name}") } else { pointer.to_owned() }
}

fn too_deep() -> String {
    format!("nested deeper than {MAX_DEPTH} elements")
}

/// Nothing, in one of the ways in which converters say so.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Blank says nothing.
fn said(name: &str, value: &str) -> Option<(String, String)> {
    let value = value.trim();
    (!value.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_and_depth_are_refused() {
        let bomb = r#"<!DOCTYPE a [<!ENTITY b "lol"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>"#;
        let fault = |text: &str| Element::parse(text.as_bytes()).unwrap_err().detail;
        assert!(fault(bomb).starts_with("no XML: "), "{}", fault(bomb));
        assert!(fault("<a").starts_with("no XML: "));
        assert!(fault(&format!("{}{}", "<a>".repeat(40), "</a>".repeat(40))).contains("deeper"));
        assert!(fault(&"<a>".repeat(200_000)).starts_with("no XML: "), "no stack is spent on it");
        assert!(Element::parse(b"\xff<a/>").unwrap_err().detail.starts_with("no UTF-8"));
    }

    /// Each takes minutes or gigabytes of whoever is not bounded.
    #[test]
    fn what_takes_longer_than_it_is_long_is_refused() {
        let fault = |text: &str| Element::parse(text.as_bytes()).unwrap_err().detail;
        let attributes: String = (0..200_000).map(|n| format!(" a{n}='1'")).collect();
        assert_eq!(fault(&format!("<a{attributes}/>")), "an element has more than 500 attributes");
        let spaces: String = (0..60_000).map(|n| format!("<a xmlns:p{n}='u{n}'>")).collect();
        assert_eq!(fault(&spaces), "more than 16 namespaces");
        let name = "b".repeat(1 << 20);
        let children = "<c/>".repeat(100_000);
        assert_eq!(fault(&format!("<a><{name}>{children}</{name}></a>")), "an element's name is longer than 100 bytes");
        assert!(fault(&format!("<a>{}</a>", "<b/>".repeat(300_000))).starts_with("no XML: "));
        let json = serde_json::json!({"x": "1", name: vec![serde_json::json!({}); 100_000]});
        let json = Element::from_json("a", json.as_object().unwrap().clone());
        assert_eq!((json.get("x"), json.children.len()), (Some("1"), 0));
        let deep = (0..100).fold(serde_json::json!({}), |inner, _| serde_json::json!({ "/".repeat(100): inner }));
        let (mut deep, mut depth) = (&Element::from_json("a", deep.as_object().unwrap().clone()), 0);
        while let [child] = &deep.children[..] {
            (deep, depth) = (child, depth + 1);
        }
        assert_eq!((depth, deep.odd.len()), (MAX_DEPTH, 1));
        assert!(deep.pointer.len() <= MAX_POINTER);
    }

    #[test]
    fn xml_and_its_json_are_the_same_tree() {
        let xml = Element::parse(b"\xEF\xBB\xBF<a x=' 1 ' y=''><b z='2'/><c/><b/></a>").unwrap();
        let json = serde_json::json!({"$": {"x": "1", "y": ""}, "b": [{"$": {"z": "2"}}, {}], "c": ["\n", {}]});
        let json = Element::from_json("a", json.as_object().unwrap().clone());
        assert_eq!((xml.get("x"), xml.get("y")), (Some("1"), None));
        let pointers =
            |tree: &Element| tree.all(&["b"]).map(|b| (b.pointer.clone(), b.number("z"))).collect::<Vec<_>>();
        assert_eq!(pointers(&xml), [("/b/0".to_owned(), Some(2)), ("/b/1".to_owned(), None)]);
        assert_eq!(pointers(&xml), pointers(&json));
        assert_eq!(xml.need("q").unwrap_err().to_string(), "/@q: a has no q");
    }

    #[test]
    fn what_stands_where_another_thing_belongs_is_a_fault_of_who_asks_for_it() {
        let json = serde_json::json!({"@id": {"x": 1}, "n": 7, "e": [[7]], "f": "7", "g": {"y": "1"}, "p": ["1", "2"], "h": [null, "\n", {}]});
        let json = Element::from_json("a", json.as_object().unwrap().clone());
        assert_eq!(json.text("id").unwrap_err().pointer, "/@id");
        assert_eq!((json.text("n"), json.text("q"), json.text("h")), (Ok(Some("7")), Ok(None), Ok(None)));
        assert_eq!(json.text("g").unwrap_err().pointer, "/g");
        assert_eq!(json.elements(&["e"]).unwrap_err().pointer, "/e/0");
        assert_eq!(json.elements(&["f"]).unwrap_err().pointer, "/f");
        assert_eq!((json.elements(&["h"]).unwrap().len(), json.elements(&["q"]).unwrap().len()), (1, 0));
        let odd = serde_json::json!({"$": 7});
        assert!(Element::from_json("a", odd.as_object().unwrap().clone()).text("id").is_err());
    }
}
