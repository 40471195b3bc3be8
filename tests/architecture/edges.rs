use std::collections::BTreeSet;

use cargo_metadata::DependencyKind;

use crate::{metadata, named};

/// Which crate of ours may use which, tests of its own apart.
const MAY_USE: &[(&str, &[&str])] = &[
    ("wharf-domain", &[]),
    ("wharf-application", &["wharf-domain"]),
    ("wharf-wire", &["wharf-domain"]),
    // Driving.
    ("wharf-http-ryze", &["wharf-application", "wharf-domain", "wharf-wire"]),
    // Driven: they never know each other.
    ("wharf-storage", &["wharf-domain", "wharf-migrations", "wharf-seal", "wharf-sql"]),
    ("wharf-whatsapp", &["wharf-domain", "wharf-net"]),
    ("wharf-webhook", &["wharf-domain", "wharf-net", "wharf-wire"]),
    ("wharf-media", &["wharf-domain", "wharf-net"]),
    ("wharf-media-s3", &["wharf-domain", "wharf-net"]),
    ("wharf-metrics", &["wharf-domain"]),
    ("wharf-whatsapp-store", &["wharf-migrations", "wharf-seal", "wharf-sql"]),
    // Tools of the driven ones; none knows a port.
    ("wharf-migrations", &[]),
    ("wharf-net", &[]),
    ("wharf-seal", &[]),
    ("wharf-sql", &[]),
    // For tests, and for people who write adapters.
    ("wharf-testkit", &["wharf-domain"]),
    ("wharf-whatsapp-sim", &[]),
    (
        "wharf-tests",
        &[
            "wharf",
            "wharf-application",
            "wharf-domain",
            "wharf-http-ryze",
            "wharf-testkit",
            "wharf-whatsapp-sim",
        ],
    ),
    // The only place where adapters meet.
    (
        "wharf",
        &[
            "wharf-application",
            "wharf-domain",
            "wharf-http-ryze",
            "wharf-media",
            "wharf-media-s3",
            "wharf-metrics",
            "wharf-migrations",
            "wharf-net",
            "wharf-seal",
            "wharf-sql",
            "wharf-storage",
            "wharf-webhook",
            "wharf-whatsapp",
            "wharf-whatsapp-store",
            "wharf-wire",
        ],
    ),
    // The domain for a log in memory, which the cost of the real one is measured against.
    ("wharf-sandbox", &["wharf", "wharf-domain", "wharf-whatsapp-sim"]),
];

/// Which crates may name a library, tests of their own apart.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("actix-web", &["wharf", "wharf-http-ryze", "wharf-tests"]),
    ("actix-ws", &["wharf-http-ryze"]),
    ("axum", &["wharf-tests", "wharf-whatsapp-sim"]),
    ("figment", &["wharf"]),
    ("opus-decoder", &["wharf-media"]),
    ("prometheus-client", &["wharf-metrics"]),
    ("reqwest", &["wharf-net", "wharf-tests"]),
    ("rust-s3", &["wharf-media-s3"]),
    ("sea-orm", &["wharf-migrations", "wharf-sql", "wharf-storage", "wharf-whatsapp-store"]),
    ("sea-orm-migration", &["wharf-migrations", "wharf-sql"]),
    ("utoipa", &["wharf-http-ryze", "wharf-wire"]),
    ("webp", &["wharf-media"]),
    ("whatsapp-rust", &["wharf-tests", "wharf-whatsapp", "wharf-whatsapp-store"]),
];

/// What a crate's tests may use besides: a test kit, or another adapter to test against.
const TESTS_MAY_USE: &[(&str, &[&str])] = &[
    ("wharf-application", &["wharf-testkit"]),
    ("wharf-media-s3", &["wharf-testkit"]),
    ("wharf-migrations", &["wharf-sql"]),
    ("wharf-storage", &["wharf-testkit"]),
    ("wharf-webhook", &["wharf-testkit"]),
    ("wharf-whatsapp", &["wharf-testkit", "wharf-whatsapp-sim"]),
    // What a session does when its store fails shows with a session alone.
    (
        "wharf-whatsapp-store",
        &["wharf-domain", "wharf-net", "wharf-whatsapp", "wharf-whatsapp-sim"],
    ),
];

#[test]
fn no_crate_uses_what_it_may_not() {
    for package in metadata().workspace_packages() {
        let (_, allowed) = MAY_USE
            .iter()
            .find(|(name, _)| package.name.as_str() == *name)
            .unwrap_or_else(|| panic!("`{}` is not in the table", package.name));
        let used = named(package, &[DependencyKind::Normal, DependencyKind::Build]);
        let used = used.iter().filter(|name| name.starts_with("wharf"));
        let forbidden: Vec<_> = used.filter(|name| !allowed.contains(&name.as_str())).collect();
        assert!(forbidden.is_empty(), "`{}` may not use {forbidden:?}", package.name);
    }
}

#[test]
fn no_crates_tests_use_what_they_may_not() {
    for package in metadata().workspace_packages() {
        let allowed = |table: &[(&str, &'static [&'static str])]| -> &'static [&'static str] {
            let row = table.iter().find(|(name, _)| package.name.as_str() == *name);
            row.map_or(&[], |(_, allowed)| *allowed)
        };
        let used = named(package, &[DependencyKind::Development]);
        let forbidden: Vec<_> = used
            .iter()
            .map(String::as_str)
            .filter(|name| name.starts_with("wharf") && package.name.as_str() != *name)
            .filter(|name| !allowed(MAY_USE).contains(name))
            .filter(|name| !allowed(TESTS_MAY_USE).contains(name))
            .collect();
        assert!(forbidden.is_empty(), "tests of `{}` may not use {forbidden:?}", package.name);
    }
}

#[test]
fn every_library_stays_where_it_belongs() {
    for package in metadata().workspace_packages() {
        let used = named(package, &[DependencyKind::Normal, DependencyKind::Build]);
        for (library, homes) in ONLY_IN {
            let is_used = used.iter().any(|name| name == library);
            let at_home = homes.contains(&package.name.as_str());
            assert!(!is_used || at_home, "`{}` may not name `{library}`", package.name);
        }
    }
}

#[test]
fn the_tables_speak_of_crates_that_exist() {
    let metadata = metadata();
    let names: BTreeSet<&str> =
        metadata.workspace_packages().iter().map(|package| package.name.as_str()).collect();
    let spoken_of = MAY_USE
        .iter()
        .chain(TESTS_MAY_USE)
        .flat_map(|(name, others)| std::iter::once(name).chain(*others))
        .chain(ONLY_IN.iter().flat_map(|(_, homes)| *homes));
    let unknown: Vec<_> = spoken_of.filter(|name| !names.contains(**name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
