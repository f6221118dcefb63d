//! A folder in which the examples of the help and of the documentation run as they stand: everything that they name is there.
//!
//! Absolute paths are meant within the folder. A stub stands for `cargo`, which starts the program that is tested, and one for `man`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::json;
use tempfile::TempDir;

use super::logs::{call, moment};
use super::{Outcome, insights};

/// What examples say that would take too long here, and what is run in its place.
const SMALLER: [(&str, &str); 1] = [("--events-per-day 1000000", "--events-per-day 500")];

/// `cargo run` and `cargo build` as the documentation has them, without building.
const CARGO: &str = r#"#!/bin/sh
case "$*" in
  "run --release -- "*) shift 3; exec insights "$@" ;;
  "build --release") mkdir -p target/release && ln -sf "$(command -v insights)" target/release/insights ;;
  *) echo "this stub knows no cargo $*" >&2; exit 101 ;;
esac
"#;
/// A pager would wait for somebody.
const MAN: &str = "#!/bin/sh\nexec grep -q insights\n";

pub(crate) struct Scene {
    folder: TempDir,
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The state after the last week of the sample, judged once for all scenes.
fn judged() -> &'static Path {
    static STATE: OnceLock<PathBuf> = OnceLock::new();
    STATE.get_or_init(|| {
        let state = tempfile::tempdir().unwrap().keep().join("state");
        let (sample, place) = (root().join("data/sample"), state.to_str().unwrap());
        let days = ["--from", "2026-01-29", "--to", "2026-02-04", "--quiet"];
        insights(["run", sample.to_str().unwrap(), "--state", place].iter().chain(&days)).expect_code(0);
        state
    })
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").args([from, to]).status().unwrap();
    assert!(copied.success(), "{} to {}", from.display(), to.display());
}

fn program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// So many hours or weeks of a series.
fn counts(buckets: usize, step: chrono::Duration) -> String {
    let time = |bucket: usize| moment("2022-01-03T00:00:00Z") + step * i32::try_from(bucket).unwrap();
    let row = |bucket| format!("{},{}\n", time(bucket).to_rfc3339(), 20 + (bucket * 7) % 5);
    format!("timestamp,value\n{}", (0..buckets).map(row).collect::<String>())
}

impl Scene {
    pub(crate) fn new() -> Self {
        let scene = Self { folder: tempfile::tempdir().unwrap() };
        let path = |name: &str| scene.path().join(name);
        for folder in [
            "usr/local/bin",
            "usr/local/share/man",
            "srv",
            "var/lib",
            "tmp",
            "etc/bash_completion.d",
            ".config/fish/completions",
            "functions",
            "logs",
            "AliyunLogs/Actiontrail",
            "my-rules",
        ] {
            fs::create_dir_all(path(folder)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_insights"), path("usr/local/bin/insights")).unwrap();
        program(&path("usr/local/bin/cargo"), CARGO);
        program(&path("usr/local/bin/man"), MAN);
        symlink(root().join("data"), path("data")).unwrap();
        copy(&root().join("data/sample"), &path("events"));
        symlink(path("events"), path("srv/audit-events")).unwrap();
        copy(judged(), &path("state"));
        for name in ["insights.parquet", "insights.jsonl"] {
            fs::copy(path("state/insights/date=2026-01-29").join(name), path(name)).unwrap();
        }
        fs::copy(path("events/labels.jsonl"), path("labels.jsonl")).unwrap();
        fs::write(path("counts.csv"), counts(24 * 21, chrono::Duration::hours(1))).unwrap();
        fs::write(path("weekly.csv"), counts(200, chrono::Duration::weeks(1))).unwrap();
        let rule = root().join("data/rules/alibaba/account-security/access-key-restored.yml");
        let rule = fs::read_to_string(rule).unwrap().replace("91e5a92f", "00000000");
        fs::write(path("my-rules/restored.yml"), rule).unwrap();
        scene.write_logs();
        scene
    }

    fn write_logs(&self) {
        let record =
            |second: u32| call(moment(&format!("2026-01-05T02:03:{second:02}Z")), "iam", "ListUsers", json!({}));
        let own = json!({
            "eventId": "1", "eventTime": "2026-01-05T02:03:04Z", "eventName": "DescribeInstances", "serviceName": "Ecs",
            "eventVersion": "1", "recipientAccountId": "1599000000000001",
        });
        let write = |name: &str, text: String| fs::write(self.path().join(name), text).unwrap();
        write("logs/cloudtrail.json", json!({ "Records": [record(1), record(2)] }).to_string());
        write("AliyunLogs/Actiontrail/events.json", json!([own]).to_string());
        write("trail.json", json!({ "Records": [record(3)] }).to_string());
        assert!(Command::new("gzip").arg(self.path().join("trail.json")).status().unwrap().success());
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a line in the shell of the scene, after what came before it and matters for it.
    pub(crate) fn run(&self, before: &[String], line: &str) -> Outcome {
        let mut line = self.within(line);
        for (large, small) in SMALLER {
            line = line.replace(large, small);
        }
        let script = format!("set -o pipefail; fpath=(. functions)\n{}\n{line}\n", before.join("\n"));
        let mut command = Command::new("bash");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("INSIGHTS_")) {
            command.env_remove(name);
        }
        let path = format!("{}:{}", self.path().join("usr/local/bin").display(), std::env::var("PATH").unwrap());
        command.args(["-c", &script]).current_dir(self.path()).stdin(Stdio::null());
        command.env("PATH", path).env("HOME", self.path()).env_remove("CARGO_TARGET_DIR");
        command.output().unwrap().into()
    }

    /// The line with absolute paths that lead into the scene.
    fn within(&self, line: &str) -> String {
        let absolute = regex::Regex::new(r"(^|[ =>])/([a-z])").unwrap();
        absolute.replace_all(line, format!("${{1}}{}/${{2}}", self.path().display())).into_owned()
    }
}
