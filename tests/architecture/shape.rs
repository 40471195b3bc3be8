use std::fs;

use crate::metadata;

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for package in metadata().workspace_packages() {
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        let lints = manifest.split("[lints]").nth(1).unwrap_or_default().trim_start();
        assert!(
            lints.starts_with("workspace = true"),
            "`{}` does not say `[lints] workspace = true`",
            package.name
        );
    }
}

#[test]
fn the_readme_of_every_library_is_its_documentation_and_fits_a_screen() {
    for package in metadata().workspace_packages() {
        let Some(library) = package.targets.iter().find(|target| target.is_lib()) else { continue };
        let root = package.manifest_path.parent().unwrap();
        let readme = fs::read_to_string(root.join("README.md"))
            .unwrap_or_else(|_| panic!("`{}` has no README.md", package.name));
        let lines = readme.lines().count();
        assert!(lines <= 60, "the README of `{}` has {lines} lines", package.name);
        let code = fs::read_to_string(&library.src_path).unwrap();
        assert!(
            code.starts_with("#![doc = include_str!(\"../README.md\")]"),
            "`{}` does not begin with its README",
            package.name
        );
    }
}

#[test]
fn no_source_file_is_too_long_to_read() {
    for package in metadata().workspace_packages() {
        let mut places = vec![package.manifest_path.parent().unwrap().to_path_buf()];
        while let Some(place) = places.pop() {
            for entry in place.read_dir_utf8().unwrap() {
                let path = entry.unwrap().into_path();
                if path.is_dir() {
                    places.push(path);
                } else if path.extension() == Some("rs") {
                    let lines = fs::read_to_string(&path).unwrap().lines().count();
                    assert!(lines < 600, "{path} has {lines} lines");
                }
            }
        }
    }
}

#[test]
fn the_simulators_features_stay_out_of_a_plain_build() {
    let metadata = metadata();
    let default: Vec<_> = metadata
        .workspace_default_packages()
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    assert_eq!(default, ["wharf"]);
}
