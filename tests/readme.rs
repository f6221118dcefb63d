//! What README.md shows is what the program prints: every marked output is made anew and compared.
//!
//! A block follows a marker `<!-- output: ARGUMENTS -->`. To take over a change that was meant, run the test with
//! `INSIGHTS_UPDATE_README=1` and read the difference.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

const MARKER: &str = "<!-- output: ";
const FENCE: &str = "```";

/// Runs the program in an empty folder that sees the sample data, and gives its stdout.
fn output(arguments: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("data"), folder.path().join("data")).unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_insights"))
        .args(arguments.split_whitespace())
        .current_dir(folder.path())
        .env_remove("INSIGHTS_SETTINGS")
        .output()
        .unwrap();
    assert!(run.status.success(), "{arguments}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap().trim_end().to_owned()
}

/// The readme with every marked block replaced by what the program prints now, and how many there were.
fn renewed(readme: &str) -> (String, usize) {
    let (mut text, mut rest, mut count) = (String::new(), readme, 0);
    while let Some(marker) = rest.find(MARKER) {
        let arguments = rest[marker + MARKER.len()..].split(" -->").next().unwrap();
        let begin = marker + rest[marker..].find(FENCE).unwrap();
        let begin = begin + rest[begin..].find('\n').unwrap() + 1;
        let end = begin + rest[begin..].find(FENCE).unwrap();
        text.push_str(&rest[..begin]);
        text.push_str(&output(arguments));
        text.push('\n');
        rest = &rest[end..];
        count += 1;
    }
    text.push_str(rest);
    (text, count)
}

#[test]
fn the_readme_shows_what_is_printed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (now, count) = renewed(&readme);
    assert!(count > 0, "no marked output in README.md");
    if std::env::var_os("INSIGHTS_UPDATE_README").is_some() {
        fs::write(&path, &now).unwrap();
    }
    assert!(now == readme, "README.md shows another output than the program prints; see the head of this test");
}
