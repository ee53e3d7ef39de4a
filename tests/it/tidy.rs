//! The repository itself: what a reader may rely on, kept by a machine.

use std::path::{Path, PathBuf};

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in folders {
        rust_files(&root.join(folder), &mut found);
    }
    let text = |path: PathBuf| {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        (name, std::fs::read_to_string(path).unwrap())
    };
    found.into_iter().map(text).collect()
}

#[test]
fn every_file_opens_with_what_it_does() {
    for (name, text) in sources(&["src", "tests", "benches"]) {
        assert!(text.starts_with("//! ") || text.starts_with("#![doc = include_str!"), "{name}");
    }
}

#[test]
fn files_stay_readable() {
    const LINES_MAX: usize = 500;
    const COLUMNS_MAX: usize = 100;
    for (name, text) in sources(&["src", "tests", "benches"]) {
        let is_source = name.starts_with("src");
        assert!(!is_source || text.lines().count() <= LINES_MAX, "{name} is long");
        for (number, line) in text.lines().enumerate() {
            assert!(line.chars().count() <= COLUMNS_MAX, "{name}:{} is wide", number + 1);
            assert!(line.is_ascii(), "{name}:{} is not ASCII", number + 1);
        }
    }
}

#[test]
fn the_public_surface_stays_small() {
    const NAMES_MAX: usize = 30;
    let library = include_str!("../../src/lib.rs");
    let exports = library.split("pub use").skip(1).flat_map(|list| {
        let list = list.split(';').next().unwrap_or_default();
        let names = list.rsplit("::").next().unwrap_or_default();
        names.trim_matches(['{', '}', '\n', ' ']).split(',').map(str::trim).collect::<Vec<_>>()
    });
    let names: Vec<&str> = exports.filter(|name| !name.is_empty()).collect();
    assert!(names.contains(&"Engine") && names.contains(&"normalize"), "{names:?}");
    assert!(names.len() <= NAMES_MAX, "{} names: {names:?}", names.len());
}

/// The engine knows neither the binary nor the machine it runs on.
#[test]
fn dependencies_point_one_way() {
    for (name, text) in sources(&["src/engine"]) {
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for word in ["std::env", "std::fs", "std::net", "Instant", "SystemTime", "clap", "serde"] {
            assert!(!text.contains(word), "{name} uses {word}");
        }
    }
    for (name, text) in sources(&["src/audience", "src/engine", "src/platform"]) {
        for word in ["crate::service", "axum", "hyper", "tokio"] {
            assert!(!text.contains(word), "{name} uses {word}");
        }
    }
    for (name, text) in sources(&["src"]) {
        let is_sqlite = name.starts_with("src/audience/store/sqlite");
        assert!(is_sqlite || !text.contains("rusqlite"), "{name} speaks SQL");
        // Where a status is changed.
        let changes = text.contains(".status = ") && name.starts_with("src/audience");
        assert!(!changes || is_status_changed_in(&name), "{name} changes a status");
    }
    for (name, text) in sources(&["src/bin"]) {
        assert!(!text.contains("crate::engine"), "{name} reaches past the public surface");
    }
}

/// `import.rs` changes an audience's; a file's upload is finished in `files.rs`.
fn is_status_changed_in(name: &str) -> bool {
    ["src/audience/import.rs", "src/audience/files.rs"].contains(&name)
}

/// Where `unsafe` may stand: folders and files that need instructions of their own.
const KERNELS: [&str; 5] = [
    "src/engine/digest/spell.rs",
    "src/engine/index/",
    "src/engine/normalize/email/masks.rs",
    "src/engine/normalize/phone/digits.rs",
    "src/engine/sha256/",
];

/// Whether a line has this word, comments and text in quotes aside.
fn has_word(line: &str, word: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let mut unquoted = code.split('"').step_by(2);
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    unquoted.any(|code| code.split(|letter| !is_part(letter)).any(|it| it == word))
}

#[test]
fn what_is_unsafe_is_in_kernels_and_says_why_it_holds() {
    let mut found = 0;
    for (name, text) in sources(&["src", "tests/it", "benches"]) {
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        for (at, line) in lines.iter().enumerate() {
            if !has_word(line, "unsafe") {
                continue;
            }
            found += 1;
            let place = format!("{name}:{}", at + 1);
            assert!(KERNELS.iter().any(|kernel| name.starts_with(kernel)), "{place} is unsafe");
            let before = lines[..at].iter().rev();
            let mut above =
                before.take_while(|line| line.starts_with("//") || line.starts_with('#'));
            assert!(above.any(|line| line.starts_with("// SAFETY: ")), "{place} does not say why");
        }
    }
    assert!(found > 0, "no kernel is found");
    assert!(
        has_word("    let a = unsafe { b };", "unsafe") && has_word("unsafe fn a() {}", "unsafe")
    );
    assert!(!has_word("#![expect(unsafe_code)] // unsafe", "unsafe"));
}

#[test]
fn every_dependency_is_a_published_one() {
    for lock in ["Cargo.lock", "tests/fuzz/Cargo.lock", "tests/sdk/rust/Cargo.lock"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(lock);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains("[[package]]") && !text.contains("source = \"git+"), "{lock}");
    }
}

#[test]
fn the_metadata_version_is_the_one_that_is_built_in() {
    let lock = include_str!("../../Cargo.lock");
    let version = matchkey::normalize::phone::METADATA_VERSION;
    assert!(lock.contains(&format!("name = \"phonenumber\"\nversion = \"0.3.10+{version}\"")));
}
