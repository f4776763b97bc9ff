//! The client commands over TLS: to a service whose authority is one's own, and what they say of a certificate that is
//! not to be believed.

use std::io::{BufRead, BufReader};
use std::process::Output;

use super::command::{Serving, run, scoreline, text};
use crate::tls::Keys;

const GAME: &str = "soccer/eng.1/ars-che";

/// A service with this certificate.
fn served(keys: &Keys) -> Serving {
    let config = keys.path().join("scoreline.toml");
    std::fs::write(&config, keys.config()).unwrap();
    Serving::start(&["--provider", "acme=secret", "--config", config.to_str().unwrap()])
}

/// A file beside the certificate.
fn beside(keys: &Keys, name: &str) -> String {
    keys.path().join(name).to_str().unwrap().to_owned()
}

fn done(output: &Output) -> &str {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn every_client_command_speaks_tls_with_ones_own_authority() {
    let keys = Keys::signed("DNS:localhost,IP:127.0.0.1", "now");
    let (mut service, ca, file) = (served(&keys), beside(&keys, "ca.pem"), beside(&keys, "day.ndjson"));
    assert!(service.url.starts_with("https://"), "{}", service.url);
    let said = service.client(&["publish", GAME, "{\"status\":\"live\"}", "--ca", &ca], "");
    assert!(done(&said).contains("\"applied\":true"));

    // A WebSocket by either name of the scheme, to the host by name.
    let wss = service.url.replace("https://127.0.0.1", "wss://localhost");
    let mut watch = scoreline(&["watch", "*", "--json", "--url", &wss]).env("SCORELINE_CA", &ca).spawn().unwrap();
    let heard = BufReader::new(watch.stdout.take().unwrap()).lines().map(Result::unwrap);
    let heard = heard.take_while(|line| !line.contains("\"type\":\"position\"")).collect::<Vec<_>>();
    assert!(heard.iter().any(|line| line.contains(GAME)), "{heard:?}");
    watch.kill().unwrap();
    watch.wait().unwrap();

    done(&service.client(&["record", "*", "-o", &file, "--duration", "1s", "--ca", &ca], ""));
    service.url = wss;
    done(&service.client(&["replay", &file, "--speed", "max", "--ca", &ca], ""));
}

#[test]
fn a_certificate_that_is_not_to_be_believed_is_told_in_words() {
    let here = "DNS:localhost,IP:127.0.0.1";
    let keys = Keys::signed(here, "now");
    let (good, ca, none) = (served(&keys), beside(&keys, "ca.pem"), beside(&keys, "scoreline.toml"));
    let other = Keys::signed("DNS:scores.example,IP:192.0.2.7", "now");
    let late = Keys::signed(here, "-9 days");
    let early = Keys::signed(here, "+9 days");
    let plain = Serving::start(&[]);
    keys.authority("now", "renewed");
    for (service, ca, said) in [
        (&good.url, None, "no authority that is known here signed its certificate; name your own with --ca FILE"),
        (&good.url, Some(beside(&other, "ca.pem")), "no authority that is known here signed its certificate"),
        (
            &good.url,
            Some(beside(&keys, "renewed.pem")),
            "signed with another key than its authority's that is known here",
        ),
        (&served(&other).url, Some(beside(&other, "ca.pem")), "for scores.example, 192.0.2.7, not for 127.0.0.1"),
        (&served(&late).url, Some(beside(&late, "ca.pem")), "its certificate expired on 2"),
        (&served(&early).url, Some(beside(&early, "ca.pem")), "its certificate is not valid before 2"),
        (&plain.url.replace("http:", "https:"), None, "no TLS is spoken there; perhaps http:// is"),
        (&good.url, Some("/nowhere/ca.pem".to_owned()), "--ca /nowhere/ca.pem: "),
        (&good.url, Some(none), "there is no certificate in it (PEM)"),
        (&format!("ftp{}", &good.url[5..]), Some(ca), "a service is http://HOST:PORT or https://HOST:PORT"),
    ] {
        let ca = ca.map(|ca| ["--ca".to_owned(), ca]);
        let more: Vec<&str> = ca.iter().flatten().map(String::as_str).collect();
        for command in [&["publish", GAME, "{}"][..], &["watch", "*"]] {
            let output = run(&[command, &["--url", service], &more[..]].concat());
            let error = text(&output.stderr);
            assert!(!output.status.success());
            assert!(error.contains(said) && error.lines().count() == 1, "{command:?} of {service} said {error}");
        }
    }
}
