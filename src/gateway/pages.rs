//! The live page, the docs and the browser modules: the files of `src/web`, carried in the program; and the contract's
//! documents for machines.
//!
//! Each is at its name, where it is asked for anew and answered 304, and below `/v/<version>/`, where it never changes:
//! the version is a hash of all of them, so modules that import each other there belong together.

use std::collections::HashMap;
use std::io::Write;
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use warp::http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION, REFERRER_POLICY, VARY,
};
use warp::http::{Response, StatusCode};
use warp::reply::Response as Reply;

use super::contract;

#[derive(RustEmbed)]
#[folder = "src/web"]
struct Web;

/// Nothing from elsewhere, nothing inline, no frame around it; messages may come from any gateway.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";
/// What is at a versioned address never changes.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Everything under `src/web` as it is answered.
pub(super) struct Site {
    files: HashMap<String, File>,
    /// 12 hex digits of the hash of all files.
    version: String,
}

struct File {
    name: String,
    content: &'static str,
    plain: Bytes,
    /// Made once, when the first browser asks for it.
    gzip: OnceLock<Bytes>,
    tag: String,
}

/// What is at a path.
pub(super) enum Page {
    /// The file of that name; `true`: at its versioned address.
    File(String, bool),
    /// A versioned address of another version: the name to go to.
    Elsewhere(String),
}

impl Site {
    /// `demo`: whether the demo plays, which the live page is told.
    pub(super) fn new(demo: bool) -> Self {
        let mut names: Vec<_> = Web::iter().collect();
        names.sort();
        let read = |name: &str| Web::get(name).map(|file| file.data).unwrap_or_default();
        let mut all = Sha256::new();
        for name in &names {
            all.update(read(name));
        }
        let version = hex::encode(&all.finalize()[..6]);
        let files = names.iter().filter_map(|name| {
            let content = content_type(name)?;
            let mut plain = read(name).into_owned();
            if let (true, Ok(text)) = (name.ends_with(".html"), std::str::from_utf8(&plain)) {
                let demo = if demo { "true" } else { "false" };
                plain = text.replace("%DEMO%", demo).replace("%VERSION%", &version).into_bytes();
            }
            Some(File::new(name, content, plain))
        });
        let documents = contract::documents().iter();
        let documents = documents.map(|(name, document)| File::new(name, JSON, document.clone()));
        Self { files: files.chain(documents).map(|file| (file.name.clone(), file)).collect(), version }
    }

    /// What is at a path, if anything is.
    pub(super) fn find(&self, path: &str) -> Option<Page> {
        let name = match path.strip_prefix('/')? {
            "" => "index.html",
            "docs" => "docs.html",
            name if name.ends_with(".html") => return None,
            name => name,
        };
        let (version, name) = match name.strip_prefix("v/").and_then(|rest| rest.split_once('/')) {
            Some((_, name)) if name.ends_with(".html") => return None,
            Some((version, name)) => (Some(version), name),
            None => (None, name),
        };
        self.files.get(name)?;
        Some(match version {
            Some(version) if version != self.version => Page::Elsewhere(name.to_owned()),
            version => Page::File(name.to_owned(), version.is_some()),
        })
    }

    /// The answer with what was found.
    pub(super) fn answer(&self, page: &Page, headers: &HeaderMap) -> Reply {
        match page {
            Page::File(name, versioned) => self.files[name].answer(headers, *versioned),
            Page::Elsewhere(name) => {
                // Relative, so that it holds below a proxy's prefix too.
                let place = HeaderValue::from_str(&format!("../../{name}")).expect("names of files are visible ASCII");
                bare(StatusCode::TEMPORARY_REDIRECT, [(LOCATION, place), (ACCESS_CONTROL_ALLOW_ORIGIN, star())])
            }
        }
    }
}

impl File {
    fn new(name: &str, content: &'static str, plain: impl Into<Bytes>) -> File {
        let plain = plain.into();
        let tag = hex::encode(&Sha256::digest(&plain)[..12]);
        File { name: name.to_owned(), content, plain, gzip: OnceLock::new(), tag }
    }

    fn answer(&self, headers: &HeaderMap, versioned: bool) -> Reply {
        let zipped = takes_gzip(headers);
        // Two encodings are two representations, each with a tag of its own.
        let tag = if zipped { format!("\"{}-gzip\"", self.tag) } else { format!("\"{}\"", self.tag) };
        let mut response = match is_held(headers, &tag) {
            true => bare(StatusCode::NOT_MODIFIED, []),
            false if zipped => encoded(self.gzip()),
            false => Response::new(self.plain.clone().into()),
        };
        let held = response.headers_mut();
        held.insert(CONTENT_TYPE, HeaderValue::from_static(self.content));
        held.insert(ETAG, HeaderValue::from_str(&tag).expect("hex is visible ASCII"));
        held.insert(CACHE_CONTROL, HeaderValue::from_static(if versioned { IMMUTABLE } else { "no-cache" }));
        held.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if self.name.ends_with(".html") {
            held.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
            held.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        } else {
            // Other sites' pages load the modules, also those that isolate themselves.
            held.insert(ACCESS_CONTROL_ALLOW_ORIGIN, star());
            held.insert(
                HeaderName::from_static("cross-origin-resource-policy"),
                HeaderValue::from_static("cross-origin"),
            );
        }
        response
    }

    fn gzip(&self) -> &Bytes {
        self.gzip.get_or_init(|| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&self.plain).and_then(|()| encoder.finish()).expect("a Vec takes everything").into()
        })
    }
}

fn encoded(gzip: &Bytes) -> Reply {
    let mut response: Reply = Response::new(gzip.clone().into());
    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

fn star() -> HeaderValue {
    HeaderValue::from_static("*")
}

fn bare<const N: usize>(status: StatusCode, headers: [(HeaderName, HeaderValue); N]) -> Reply {
    let mut response = Response::new(Vec::new().into());
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    response
}

const JSON: &str = "application/json";

fn content_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        _ => return None,
    })
}

/// Whether the browser says that it takes gzip (RFC 9110, section 12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    listed(headers, &ACCEPT_ENCODING).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && weight > 0.0
    })
}

fn is_held(headers: &HeaderMap, tag: &str) -> bool {
    listed(headers, &IF_NONE_MATCH).any(|held| held == "*" || held.strip_prefix("W/").unwrap_or(held) == tag)
}

fn listed<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}
