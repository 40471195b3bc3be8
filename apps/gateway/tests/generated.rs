//! Documents that are made from the code: compared here, and rewritten with `UPDATE_GENERATED=1`.

use std::path::Path;

use wharf::{ENV_PREFIX, Settings};

#[test]
fn generated_openapi_is_up_to_date() {
    let description = wharf_http_ryze::openapi().to_pretty_json().unwrap();
    compare("openapi.json", &(description + "\n"));
}

#[test]
fn generated_configuration_reference_is_up_to_date() {
    compare("configuration.md", &configuration());
}

/// Compares a document with what is committed in `docs`.
fn compare(document: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(document);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        let written = std::fs::write(&path, generated);
        assert!(written.is_ok(), "docs/{document} cannot be written: {written:?}");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "docs/{document} is stale: run `just generate`");
}

const CONFIGURATION: &str = "\
# Configuration

Every setting can be written in three ways; the later one wins:

1. in a TOML file named with `--config FILE`, under its name: `rate_limit = 200`
2. in the environment: `WHARF_RATE_LIMIT=200`
3. as a flag of `wharf` or of `wharf-sandbox gateway`: `--rate-limit 200`

An unknown name in the file or behind `WHARF_` in the environment is refused, since it is most likely a misspelt one; what
Kubernetes sets for a service called `wharf` (`WHARF_SERVICE_…`, `WHARF_PORT…`) is passed over. An empty variable counts as
not set. `wharf check-config` prints what is in effect, secrets masked. Settings are read once, at the start.

A secret on the command line can be seen by everybody on the machine: give `WHARF_ENCRYPTION_KEY`, `WHARF_ACCOUNT_TOKEN`,
`WHARF_METRICS_TOKEN` and a database's password in the environment or in the file.

This page is generated from the code (`just generate`).

| Environment | Flag | Default | Meaning |
| --- | --- | --- | --- |
";

fn configuration() -> String {
    let rows = Settings::REFERENCE.iter().map(|(name, default, meaning)| {
        let variable = format!("{ENV_PREFIX}{}", name.to_ascii_uppercase());
        let flag = format!("--{}", name.replace('_', "-"));
        let meaning: Vec<_> = meaning.split_whitespace().collect();
        // A bar would end the cell.
        let meaning = meaning.join(" ").replace('|', "\\|");
        format!("| `{variable}` | `{flag}` | {default} | {meaning} |\n")
    });
    CONFIGURATION.to_owned() + &rows.collect::<String>()
}
