//! The config's rules, tried.

use super::*;

fn load(file: &str) -> Result<Config, String> {
    Config::parse(file).map_err(|error| error.to_string())
}

#[test]
fn a_flag_beats_the_file_and_the_file_the_default() {
    let said = Settings { listen: Some("127.0.0.1:1".to_owned()), ..Settings::default() };
    let filed = parse("listen = \"0.0.0.0:2\"\nshards = 3\ndrain = \"250ms\"").unwrap();
    let config = Config::resolve(said, filed).unwrap();
    assert_eq!((config.listen.as_str(), config.shards), ("127.0.0.1:1", 3));
    assert_eq!(config.drain, Duration::from_millis(250));
    assert_eq!(config.ops_listen, "127.0.0.1:8081");
}

#[test]
fn the_broker_is_kept_unless_it_is_the_demo() {
    assert_eq!(load("").unwrap().broker, "embedded:./scoreline-data");
    assert_eq!(load("demo = true").unwrap().broker, "memory:");
}

#[test]
fn providers_and_limits_come_from_the_file() {
    let hash = "ab".repeat(32);
    let config = load(&format!(
        "provider = [\"first=secret\"]\n[providers.acme]\nkey_sha256 = [\"{hash}\"]\ntopics = [\"soccer\"]\nrate = 100\n\
         priority = 1\noverride = true\n[limits]\nconnections = 7\nheader_time = \"2s\""
    ))
    .unwrap();
    let acme = &config.providers["acme"];
    assert_eq!((acme.priority, acme.rate, acme.desk), (1, Some(100.0), true));
    assert_eq!(config.providers["first"], Provider::default());
    assert_eq!(config.plain_keys, [("first".to_owned(), "secret".to_owned())]);
    assert_eq!((config.limits.connections, config.limits.header_time), (Some(7), Span::seconds(2)));
    assert_eq!(config.limits.batch_reports, 1_000, "what is not said keeps its default");
}

#[test]
fn what_is_wrong_is_said_in_one_line_with_its_place() {
    for (file, error) in [
        ("listn = 1", "line 1, column 1: unknown setting `listn`; did you mean `listen`?"),
        ("shards = 1\n[limits]\nidss = 3", "line 3, column 1: unknown setting `idss`; did you mean `ids`?"),
        ("shards = \"x\"", "line 1, column 10: invalid type: string \"x\""),
        ("\ndrain = \"soon\"", "line 2, column 9: \"soon\" is no length of time; write 10s, 250ms, 1h"),
        ("[providers.acme]\nsigning_secret_env = \"X\"", "providers.acme.signing_secret_env: X is not in the"),
        (
            "[providers.acme]\nkey_sha256 = [\"E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"]",
            "providers.acme.key_sha256: this is the SHA-256 of an empty key",
        ),
        (
            "[providers.a]\nkey_sha256 = [\"ABababababababababababababababababababababababababababababababab\"]\n[providers.b]\n\
             key_sha256 = [\"abababababababababababababababababababababababababababababababab\"]",
            "providers.b.key_sha256: providers.a has the same",
        ),
        ("allow_origin = [\"https://*.example.com\"]", "allow_origin: \"https://*.example.com\" is no origin"),
        ("allow_origin = [\"https://Example.com\"]", "allow_origin: \"https://Example.com\" is no origin"),
        ("allow_origin = [\"https://example.com:443\"]", "allow_origin: \"https://example.com:443\" is no origin"),
        ("[providers.acme]\nkey_sha256 = [\"12\"]", "providers.acme.key_sha256: \"12\" is no SHA-256"),
        ("[adapters]\nAcme = \"jq:a.jq\"", "adapters.Acme: a name is [a-z0-9]"),
        ("[adapters]\nespn = \"jq:a.jq\"", "adapters.espn: this name is a built-in adapter's"),
        ("[adapters]\nacme = \"a.jq\"", "adapters.acme: \"a.jq\": a format of one's own is \"jq:FILE\""),
        ("[adapters]\nacme = \"jq:no/such.jq\"", "adapters.acme: no/such.jq: No such file"),
        (
            "[feeds.own]\nadapter = \"jq:no/such.jq\"\nurl = \"https://a.example\"",
            "feeds.own.adapter: no/such.jq: No such",
        ),
        ("[feeds.own]\nadapter = \"nope\"\nurl = \"https://a.example\"", "feeds.own.adapter: there is no adapter"),
        ("[providers.acme]\nadapters = [\"nope\"]", "providers.acme.adapters: there is no adapter \"nope\""),
        ("[providers.acme]\ntopics = [\"Soccer\"]", "line 2, column 10: topic \"Soccer\""),
        ("[providers.acme]\nrate = 0", "providers.acme.rate: more than 0"),
        ("[tls]\ncert = \"a.pem\"", "line 1, column 1: `key` is missing"),
        ("trusted_proxies = [\"proxy\"]", "trusted_proxies: \"proxy\" is no address"),
        ("proxy_protocol = true", "proxy_protocol: trusted_proxies must say"),
        ("[provider.acme]", "expected a list as [\"NAME=KEY\"]; a provider's table is [providers.NAME]"),
        ("[limits]\ntopics = 3\ntopics = 4", "line 3, column 1: `topics` is there twice"),
        ("[limits]\ntopics = -1", "line 2, column 10: invalid value: integer `-1`, expected a whole number, 0 or more"),
        ("drain = 10", "line 1, column 9: invalid type: integer `10`, expected a length of time with its unit, as"),
        ("listen = 8080", "line 1, column 10: invalid type: integer `8080`, expected text in quotes"),
        ("limits = 3", "line 1, column 10: invalid type: integer `3`, expected a table, [limits]"),
        ("\n[limits]\nheartbeat = \"0s\"", "line 3, column 13: limits.heartbeat: at least 1s"),
        ("allow_origin = [\"a.example\"]", "line 1, column 16: allow_origin: \"a.example\" is no origin as https://"),
        ("allow_origin = [\"https://a.example/\"]", "allow_origin: \"https://a.example/\" is no origin"),
        ("[providers.a]\n[providers.\"a.b\"]\nrate = 0", "line 3, column 8: providers.a.b.rate: more than 0"),
        ("provider = [\"acme\"]", "provider: a provider is NAME=KEY"),
        ("[limits]\nrecent_time = \"310s\"", "limits.recent_time must hold limits.delay and 30s"),
    ] {
        let said = load(file).unwrap_err();
        assert!(said.contains(error), "{file:?} said {said:?}");
        assert!(!said.contains('\n'), "{said:?}");
    }
}
