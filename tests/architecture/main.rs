//! The arrows between crates, held. A new edge is a decision, so it is written here first.

#![expect(clippy::expect_used, reason = "a failed set-up should fail the test")]

mod edges;
mod shape;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

fn metadata() -> Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let mut command = MetadataCommand::new();
    command.manifest_path(manifest).no_deps().other_options(["--offline".to_owned()]);
    command.exec().expect("cargo describes the workspace")
}

/// The names of what a crate names in its manifest.
fn named(package: &Package, kinds: &[DependencyKind]) -> Vec<String> {
    let dependencies = package.dependencies.iter();
    let mut names: Vec<_> = dependencies
        .filter(|dependency| kinds.contains(&dependency.kind))
        .map(|dependency| dependency.name.clone())
        .collect();
    names.sort();
    names.dedup();
    names
}
