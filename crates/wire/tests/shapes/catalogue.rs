//! The guide to events shows what is pinned here, and nothing else.

use std::{fs, path::Path};

use serde_json::Value;

/// The guide, in pieces: text, and examples of JSON with the name of the snapshot they show.
fn pieces(guide: &str) -> Vec<(&str, Option<(&str, &str)>)> {
    let mut pieces = Vec::new();
    let mut rest = guide;
    while let Some((text, from)) = rest.split_once("```json\n") {
        let (example, after) = from.split_once("```\n").unwrap();
        let marker = text.lines().last().unwrap_or_default();
        let name = marker.strip_prefix("<!-- snapshot ").and_then(|m| m.strip_suffix(" -->"));
        let name = name.unwrap_or_else(|| panic!("no snapshot is named before {example}"));
        pieces.push((text, Some((name, example))));
        rest = after;
    }
    pieces.push((rest, None));
    pieces
}

fn snapshot(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shapes/snapshots");
    let file = fs::read_to_string(path.join(format!("shapes__{name}.snap")));
    let file = file.unwrap_or_else(|e| panic!("{name}: {e}"));
    let content = file.splitn(3, "---\n").nth(2).unwrap();
    content.trim_end().to_owned() + "\n"
}

#[test]
fn generated_examples_of_the_guide_are_the_snapshots() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/events.md");
    let guide = fs::read_to_string(&path).unwrap();
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        let written = pieces(&guide).into_iter().map(|(text, example)| {
            let example = example.map(|(name, _)| format!("```json\n{}```\n", snapshot(name)));
            text.to_owned() + &example.unwrap_or_default()
        });
        fs::write(&path, written.collect::<String>()).unwrap();
    }
    let guide = fs::read_to_string(&path).unwrap();
    for (name, example) in pieces(&guide).into_iter().filter_map(|(_, example)| example) {
        assert_eq!(example, snapshot(name), "stale: run `just generate`");
    }
}

#[test]
fn every_kind_of_event_has_a_whole_example_in_the_guide() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/events.md");
    let guide = fs::read_to_string(path).unwrap();
    let mut shown: Vec<_> = pieces(&guide)
        .into_iter()
        .filter_map(|(_, example)| {
            serde_json::from_str::<Value>(example?.1).unwrap().get("event").cloned()
        })
        .collect();
    shown.dedup();
    let kinds = wharf_domain::event::EventKind::ALL.map(|kind| Value::from(kind.as_str()));
    assert_eq!(shown, [&kinds[..], &[Value::from("test")]].concat());
}
