//! XML as a plain tree of elements and attributes. A document type is refused, so there are no entities to blow up; depth
//! and size are bounded.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::report::{Invalid, escape};

/// The most nodes of a document; a day of football has some 10,000.
const MAX_NODES: u32 = 200_000;
/// The most attributes of an element, which are compared with one another.
const MAX_ATTRIBUTES: usize = 500;
/// The most namespaces, of which each element below has a list of its own. These formats have none.
const MAX_NAMESPACES: usize = 16;
/// The longest name; pointers repeat it for all that is below.
const MAX_NAME: usize = 100;
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
    /// What of it as JSON is neither an attribute nor an element.
    broken: Option<Invalid>,
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
            return Err(Invalid::new(pointer, format!("nested deeper than {MAX_DEPTH} elements")));
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
            children.push(Element::of(child, format!("{pointer}/{name}/{count}"), room - 1)?);
            *count += 1;
        }
        Ok(Element {
            name: node.tag_name().name().to_owned(),
            pointer,
            attributes: attributes.collect(),
            children,
            broken: None,
        })
    }

    /// The JSON that converters make of XML: attributes below `$` or behind `@`, children as objects or arrays of them.
    /// What is neither is kept as a fault: see [`Element::fault`].
    pub(super) fn from_json(name: &str, pointer: String, value: Value) -> Element {
        let mut element = Element { name: name.to_owned(), pointer, ..Element::default() };
        match value {
            Value::Object(fields) => fields.into_iter().for_each(|(key, value)| element.insert(&key, value)),
            Value::Null => {}
            Value::String(text) if text.trim().is_empty() => {}
            _ => element.broken = Some(Invalid::new(element.pointer.clone(), "an object is expected")),
        }
        element
    }

    fn insert(&mut self, key: &str, value: Value) {
        let pointer = format!("{}/{}", self.pointer, escape(key));
        if key.len() > MAX_NAME {
            return;
        }
        match value {
            _ if key == "$" && !value.is_object() && !value.is_null() => {
                self.broken = Some(Invalid::new(pointer, "attributes are an object"));
            }
            Value::Object(attributes) if key == "$" => {
                attributes
                    .into_iter()
                    .for_each(|(name, value)| self.attribute(&name, value, format!("{pointer}/{}", escape(&name))));
            }
            child @ Value::Object(_) => self.children.push(Element::from_json(key, pointer, child)),
            Value::Array(items) => {
                let items = items.into_iter().enumerate();
                self.children.extend(items.map(|(i, item)| Element::from_json(key, format!("{pointer}/{i}"), item)));
            }
            value => self.attribute(key.trim_start_matches('@'), value, pointer),
        }
    }

    fn attribute(&mut self, name: &str, value: Value, pointer: String) {
        match value {
            Value::String(text) => self.attributes.extend(said(name, &text)),
            Value::Number(_) | Value::Bool(_) => self.attributes.extend(said(name, &value.to_string())),
            Value::Null => {}
            _ => self.broken = Some(Invalid::new(pointer, "a text is expected")),
        }
    }

    /// The elements of this name; text in their place is a fault.
    pub(super) fn elements<'a>(&'a self, name: &'a str) -> Result<impl Iterator<Item = &'a Element>, Invalid> {
        match self.get(name) {
            Some(_) => Err(Invalid::new(format!("{}/{name}", self.pointer), "an object is expected")),
            None => Ok(self.children.iter().filter(move |child| child.name == name)),
        }
    }

    /// What in it, or below, could not be read.
    pub(super) fn fault(&self) -> Option<Invalid> {
        self.broken.clone().or_else(|| self.children.iter().find_map(Element::fault))
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

    /// The first child of one of these names.
    pub(super) fn first(&self, names: &[&str]) -> Option<&Element> {
        self.children.iter().find(|child| names.contains(&child.name.as_str()))
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
        let json = Element::from_json("a", String::new(), json);
        assert_eq!((json.get("x"), json.children.len()), (Some("1"), 0));
    }

    #[test]
    fn xml_and_its_json_are_the_same_tree() {
        let xml = Element::parse(b"\xEF\xBB\xBF<a x=' 1 ' y=''><b z='2'/><c/><b/></a>").unwrap();
        let json = serde_json::json!({"$": {"x": "1", "y": ""}, "b": [{"$": {"z": "2"}}, {}], "c": ["\n", {}]});
        let json = Element::from_json("a", String::new(), json);
        assert_eq!((xml.get("x"), xml.get("y")), (Some("1"), None));
        let pointers =
            |tree: &Element| tree.all(&["b"]).map(|b| (b.pointer.clone(), b.number("z"))).collect::<Vec<_>>();
        assert_eq!(pointers(&xml), [("/b/0".to_owned(), Some(2)), ("/b/1".to_owned(), None)]);
        assert_eq!(pointers(&xml), pointers(&json));
        assert_eq!(xml.need("q").unwrap_err().to_string(), "/@q: a has no q");
    }
}
