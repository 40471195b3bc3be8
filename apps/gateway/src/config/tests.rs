use wharf_domain::proxy::ProxyProtocol;

use super::*;

fn parse(set: impl FnOnce(&mut Settings)) -> anyhow::Result<Config> {
    let mut settings = Settings::default();
    set(&mut settings);
    Config::parse(&settings)
}

#[test]
fn nothing_has_to_be_set() {
    let config = parse(|_| {}).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.database_url.expose(), "sqlite://./data/wharf.db");
    assert_eq!((config.rate_limit, config.rate_limit_create), (Some(100), Some(20)));
    assert_eq!(config.max_body, 64 * 1024 * 1024);
    assert_eq!((config.media_max, config.media_base64_max), (64 << 20, 16 << 20));
    assert!(config.proxy.is_none());
    assert_eq!(config.s3, wharf_media_s3::Config::default());
    let (second, day) = (Duration::from_secs(1), Duration::from_hours(24));
    assert_eq!(
        config.deliveries,
        Deliveries {
            connect_timeout: 5 * second,
            timeout: 30 * second,
            first_retry: 5 * second,
            longest_retry: day / 24,
            give_up_after: day,
            max_attempts: None,
            concurrency: 16,
        }
    );
    assert_eq!(
        config.keep,
        Keep {
            messages: None,
            events: Some(30 * day),
            events_bytes: Some(10 << 30),
            dead: Some(30 * day),
            dead_bytes: Some(1 << 30),
        }
    );
    assert_eq!((config.log_format, config.shutdown_timeout), (LogFormat::Text, 30 * second));
    assert_eq!((config.metrics_listen, config.metrics_token.is_none()), (None, true));
}

#[test]
fn zero_switches_a_limit_off() {
    let config = parse(|s| s.rate_limit = Some("0".into())).unwrap();
    assert_eq!(config.rate_limit, None);
}

#[test]
fn addresses_and_networks_are_trusted_alike() {
    let config = parse(|s| s.trusted_proxies = Some("10.0.0.0/8, ::1".into())).unwrap();
    let shown: Vec<_> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["10.0.0.0/8", "::1/128"]);
}

#[test]
fn a_refusal_names_the_setting_and_not_the_secret() {
    let refusal = parse(|s| s.encryption_key = Some("hunter2".into())).err().unwrap();
    let text = format!("{refusal:#}");
    assert!(text.contains("WHARF_ENCRYPTION_KEY"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    for (set, name) in [
        (Settings { listen: Some("x".into()), ..Settings::default() }, "WHARF_LISTEN"),
        (Settings { max_body: Some("5 MB".into()), ..Settings::default() }, "WHARF_MAX_BODY"),
        (Settings { egress: Some("all".into()), ..Settings::default() }, "WHARF_EGRESS"),
        (Settings { s3_urls: Some("open".into()), ..Settings::default() }, "WHARF_S3_URLS"),
        (Settings { base_url: Some("ftp://x".into()), ..Settings::default() }, "WHARF_BASE_URL"),
    ] {
        let text = format!("{:#}", Config::parse(&set).err().unwrap());
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn no_secret_is_shown() {
    let config = parse(|s| {
        s.database_url = Some("postgres://wharf:hunter2@localhost/wharf".into());
        s.account_token = Some("topsecret".into());
        s.metrics_token = Some("whoever-counts-reads".into());
        s.encryption_key = Some("00".repeat(32));
        s.proxy_url = Some("http://way:through@10.1.2.3:3128".into());
    })
    .unwrap();
    let shown = config.to_string();
    assert!(shown.contains("postgres://wharf:***@localhost/wharf"), "{shown}");
    assert!(shown.contains("proxy_url = (set)"), "{shown}");
    for secret in
        ["hunter2", "topsecret", "whoever", "way", "through", "10.1.2.3", &"00".repeat(32)]
    {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_password_is_masked_wherever_it_stands() {
    for url in [
        "postgres://h/x?user=u&password=hunter2",
        "postgresql://h/x?PassWord=hunter2&sslmode=require",
        "postgres://u:hunter2@h/x?options=-c%20search_path%3Dy",
        "postgres://u:12/hunter2@h/x",
        "postgres://u:12?hunter2@h/x",
        "postgres://u:#hunter2@h/x",
        "sqlite://u:hunter2@h/x",
    ] {
        let config = parse(|s| s.database_url = Some(url.into())).unwrap();
        let shown = config.to_string();
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("***") || shown.contains("database_url = (set)"), "{shown}");
    }
}

#[test]
fn a_database_is_a_url_of_a_known_kind() {
    for url in ["sqlite:wharf.db", "sqlite://a b/wharf.db", "sqlite::memory:", "postgresql://h/x"] {
        let config = parse(|s| s.database_url = Some(url.into())).unwrap();
        assert_eq!(config.database_url.expose(), url);
        assert!(config.to_string().contains(&format!("database_url = {url}\n")), "{config}");
    }
    for url in [
        "u:hunter2@h",
        "u:hunter2@h/x",
        "mysql://u:hunter2@h/x",
        "hunter2.db",
        "./hunter2.db",
        "postgres:u:hunter2@h/x",
        "postgres://u:hunter2/@h/x",
    ] {
        let refusal = parse(|s| s.database_url = Some(url.into())).err().unwrap();
        let text = format!("{refusal:#} {refusal:?}");
        assert!(text.contains("WHARF_DATABASE_URL"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_proxy_is_a_url_with_credentials_if_it_asks_for_any() {
    let proxy = |url: &str| parse(|s| s.proxy_url = Some(url.into())).map(|c| c.proxy.unwrap());
    let plain = proxy("http://proxy.example.com:3128").unwrap();
    assert_eq!((plain.host.as_str(), plain.port), ("proxy.example.com", 3128));
    assert_eq!((plain.username, plain.password.is_none()), (None, true));
    let full = proxy("socks5h://us%40er:p%3A%2F%40ss@[::1]").unwrap();
    assert_eq!(full.protocol, ProxyProtocol::Socks5);
    assert_eq!((full.host.as_str(), full.port), ("[::1]", 1080));
    assert_eq!(full.username.as_deref(), Some("us@er"));
    assert_eq!(full.password.unwrap().expose(), "p:/@ss");
    for url in
        ["ftp://u:hunter2@h", "hunter2", "http://u:hun/ter2@h:1", "http://h:1/?p=hunter2", ""]
    {
        let text = format!("{:#}", proxy(url).err().unwrap());
        assert!(text.contains("WHARF_PROXY_URL"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("ter2"), "{text}");
    }
}

#[test]
fn nothing_is_kept_for_centuries() {
    let keep = |keep: &str| parse(|s| s.message_retention = Some(keep.into()));
    assert!(keep("10y").unwrap().keep.messages.is_some());
    assert_eq!(keep("unlimited").unwrap().keep.messages, None);
    for too_long in ["11y", "300000y"] {
        let text = format!("{:#}", keep(too_long).err().unwrap());
        assert!(text.contains("WHARF_MESSAGE_RETENTION"), "{text}");
        assert!(text.contains("ten years"), "{text}");
    }
}

#[test]
fn nothing_that_is_kept_has_to_have_an_end() {
    let config = parse(|s| {
        for limit in [
            &mut s.event_retention,
            &mut s.event_max_size,
            &mut s.dead_letter_retention,
            &mut s.dead_letter_max_size,
            &mut s.webhook_max_attempts,
        ] {
            *limit = Some("unlimited".into());
        }
    })
    .unwrap();
    let for_ever =
        Keep { messages: None, events: None, events_bytes: None, dead: None, dead_bytes: None };
    assert_eq!((config.keep, config.deliveries.max_attempts), (for_ever, None));
}

#[test]
fn what_makes_no_sense_is_refused_with_the_reason() {
    type Field = fn(&mut Settings) -> &mut Option<String>;
    let cases: [(Field, &str, &str, &str); 12] = [
        (|s| &mut s.webhook_timeout, "WEBHOOK_TIMEOUT", "0s", "100ms to 10m"),
        (|s| &mut s.webhook_connect_timeout, "WEBHOOK_CONNECT_TIMEOUT", "5", "unit"),
        (|s| &mut s.webhook_first_retry, "WEBHOOK_FIRST_RETRY", "2h", "WEBHOOK_LONGEST_RETRY"),
        (|s| &mut s.webhook_longest_retry, "WEBHOOK_LONGEST_RETRY", "2days", "to 1day"),
        (|s| &mut s.webhook_give_up_after, "WEBHOOK_GIVE_UP_AFTER", "0s", "1s to 30days"),
        (|s| &mut s.webhook_max_attempts, "WEBHOOK_MAX_ATTEMPTS", "0", "`unlimited`"),
        (|s| &mut s.webhook_concurrency, "WEBHOOK_CONCURRENCY", "0", "1 to 1000"),
        (|s| &mut s.event_max_size, "EVENT_MAX_SIZE", "10GB", "bytes"),
        (|s| &mut s.metrics_token, "METRICS_TOKEN", "short", "at least 16"),
        (|s| &mut s.metrics_listen, "METRICS_LISTEN", "9100", "address"),
        (|s| &mut s.log_format, "LOG_FORMAT", "xml", "`text` or `json`"),
        (|s| &mut s.shutdown_timeout, "SHUTDOWN_TIMEOUT", "2h", "1s to 1h"),
    ];
    for (field, name, raw, reason) in cases {
        let refusal = parse(|settings| *field(settings) = Some(raw.to_owned()));
        let text = format!("{:#}", refusal.err().unwrap());
        assert!(text.starts_with(&format!("WHARF_{name} cannot be used: ")), "{text}");
        assert!(text.contains(reason), "{text}");
    }
}
