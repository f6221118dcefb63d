//! The report of a night: whoever has only the page knows what happened, when, by whom, from where, how unusual it was and what to do
//! next; it can be made again and is then the same; and what an attacker writes into a name is shown and does nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use common::made::{Call, write_days};
use common::{dated, day, files_below, insights};

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join("sample")
}

/// The sample's last seven days, judged.
fn week() -> &'static Path {
    static STATE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let judge = || {
        let state = tempfile::tempdir().unwrap();
        let range = ["--from", "2026-01-29", "--to", "2026-02-04"];
        let arguments =
            ["run", sample().to_str().unwrap(), "--state", state.path().to_str().unwrap()].map(str::to_owned);
        insights(arguments.iter().map(String::as_str).chain(range)).expect_code(0);
        state
    };
    STATE.get_or_init(judge).path()
}

fn report(state: &Path, more: &[&str]) -> common::Outcome {
    insights(["report", "--state", state.to_str().unwrap()].iter().chain(more))
}

fn page(state: &Path, date: &str) -> String {
    fs::read_to_string(state.join("reports").join(format!("{date}.html"))).unwrap()
}

/// The text that a browser shows of a piece of HTML, with single blanks.
fn text(html: &str) -> String {
    let mut shown = String::new();
    let mut rest = html;
    while let Some(begin) = rest.find('<') {
        shown.push_str(&rest[..begin]);
        shown.push(' ');
        // A piece may end within a tag.
        rest = rest[begin..].split_once('>').map_or("", |(_, after)| after);
    }
    shown.push_str(rest);
    let plain = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The findings of a page, each as text.
fn findings(page: &str) -> Vec<String> {
    let begins: Vec<usize> = page.match_indices("id=\"insight-").map(|(place, _)| place).collect();
    let ends = begins.iter().skip(1).copied().chain([page.len()]);
    begins.iter().zip(ends).map(|(&begin, end)| text(&page[begin..end])).collect()
}

/// An attack that was planted in the sample, as its labels tell of it.
struct Planted {
    date: &'static str,
    what: &'static str,
    who: &'static str,
    from: &'static str,
    when: &'static str,
    /// How unusual, in words that only this kind has.
    unusual: &'static str,
    /// What to do next.
    next: &'static str,
    /// The question that shows its events.
    asks: &'static str,
}

/// Every stolen key, sprayed password, touched trail and changed right or password of `data/sample/labels.jsonl`.
const PLANTED: [Planted; 12] = [
    stolen_key("2026-01-29", "user svc-25", "185.64.31.6", "2026-01-29 11:40–11:50 UTC"),
    stolen_key("2026-02-01", "user svc-17", "185.157.218.5", "2026-02-01 10:10–10:20 UTC"),
    Planted {
        date: "2026-02-02",
        what: "66 calls failed: AasSub/ConsoleSignin/Authentication.Failed",
        who: "Who many, ",
        from: "185.226.100.7",
        when: "2026-02-02 15:40–16:04 UTC",
        unusual: "its active days usually hold up to 3 calls",
        next: "guesses at passwords",
        asks: "--event ConsoleSignin --error Authentication.Failed",
    },
    trail("2026-01-29", "user nora61", "121.17.102.68", "2026-01-29 07:14 UTC"),
    trail("2026-02-02", "user mei28", "121.144.217.9", "2026-02-02 08:41 UTC"),
    trail("2026-02-04", "user mei44", "121.17.102.68", "2026-02-04 06:49 UTC"),
    rights("2026-01-29", "Ram/CreatePolicyVersion", "role ram-team-1", "121.17.102.38", "2026-01-29 15:04 UTC"),
    rights("2026-01-29", "Ram/CreatePolicyVersion", "user kai10", "121.17.102.218", "2026-01-29 21:24 UTC"),
    rights("2026-02-02", "Ram/AttachPolicyToUser", "user wei63", "121.17.102.8", "2026-02-02 09:27 UTC"),
    password("2026-01-30", "user mei76", "114.42.133.6", "2026-01-30 21:05 UTC"),
    password("2026-01-31", "user hui39", "121.17.102.158", "2026-01-31 03:24 UTC"),
    // The same theft as the first, seen by the key.
    Planted {
        what: "AccessKey LTAI5tSN662BHn4pLutEARFv made 273 calls",
        next: "disable LTAI5tSN662BHn4pLutEARFv now",
        asks: "--access-key LTAI5tSN662BHn4pLutEARFv",
        unusual: "273 calls where 0–19 were expected",
        ..stolen_key("2026-01-29", "user svc-25", "185.64.31.6", "2026-01-29 11:40–11:50 UTC")
    },
];

const fn stolen_key(date: &'static str, who: &'static str, from: &'static str, when: &'static str) -> Planted {
    Planted {
        date,
        what: "Oss/GetObject was called",
        who,
        from,
        when,
        unusual: "less than once in a million days",
        next: "limit or disable LTAI5t",
        asks: "--service Oss --event GetObject",
    }
}

const fn trail(date: &'static str, who: &'static str, from: &'static str, when: &'static str) -> Planted {
    Planted {
        date,
        what: "touched the audit trail with Actiontrail/UpdateTrail",
        who,
        from,
        when,
        unusual: "the trail records less than everything now",
        next: "Put the trail back to all regions and all events",
        asks: "--service Actiontrail --event UpdateTrail",
    }
}

const fn rights(
    date: &'static str,
    what: &'static str,
    who: &'static str,
    from: &'static str,
    when: &'static str,
) -> Planted {
    Planted {
        date,
        what,
        who,
        from,
        when,
        unusual: "This principal never did so in the 28 days of history. What makes it serious: it gives all rights",
        next: "take the rights back now",
        asks: "--service Ram --event",
    }
}

const fn password(date: &'static str, who: &'static str, from: &'static str, when: &'static str) -> Planted {
    Planted {
        date,
        what: "changed passwords or sign-in factors of others with Ims/UpdateLoginProfile",
        who,
        from,
        when,
        unusual: "the caller knows the new password",
        next: "set the password and the second factor anew",
        asks: "--service Ims --event UpdateLoginProfile",
    }
}

#[test]
fn whoever_has_only_the_page_knows_all_about_every_planted_attack() {
    for attack in &PLANTED {
        let page = page(week(), attack.date);
        let told = findings(&page);
        let own = told.iter().find(|finding| {
            [attack.what, attack.who, attack.from, attack.when].iter().all(|part| finding.contains(part))
        });
        let own = own.unwrap_or_else(|| {
            panic!("{}: no finding tells what, who, whence and when of {} by {}", attack.date, attack.what, attack.who)
        });
        for part in [attack.unusual, attack.next, attack.asks, "insights query EVENTS", "ATT&CK T1"] {
            assert!(own.contains(part), "{part:?} is not told of {} by {}:\n{own}", attack.what, attack.who);
        }
    }
}

#[test]
fn the_digest_of_a_night_and_of_a_week_tell_the_same_in_few_words() {
    let text = report(week(), &["--date", "2026-01-29"]).expect_code(0).stdout;
    insta::assert_snapshot!("night", text);
    let range = ["--from", "2026-01-29", "--to", "2026-02-04"];
    insta::assert_snapshot!("week", report(week(), &range).expect_code(0).stdout);
    let markdown = report(week(), &["--date", "2026-01-29", "--format", "markdown"]).expect_code(0).stdout;
    assert_eq!(markdown, fs::read_to_string(week().join("reports/2026-01-29.md")).unwrap());
    let html = report(week(), &[&range[..], &["--format", "html"]].concat()).expect_code(0).stdout;
    assert!(html.contains("Content-Security-Policy") && html.contains("<h2>Type by type</h2>"));
}

#[test]
fn a_report_can_be_made_again_and_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for date in day(1, 29).iter_days().take(7) {
        let date = date.to_string();
        let out = folder.path().join("again.html");
        report(week(), &["--date", &date, "--out", out.to_str().unwrap()]).expect_code(0).expect_said(&["wrote "]);
        assert!(fs::read_to_string(&out).unwrap() == page(week(), &date), "{date} is another page the second time");
    }
    let newest = report(week(), &["--format", "html"]).expect_code(0).stdout;
    assert!(newest == page(week(), "2026-02-04"), "the newest night is reported when none is named");
}

#[test]
fn what_is_not_there_is_said() {
    let empty = tempfile::tempdir().unwrap();
    report(empty.path(), &[]).expect_code(3).expect_said(&["no insights in", "hint: expected a state directory"]);
    let none = report(week(), &["--date", "2026-01-01"]).expect_code(2);
    none.expect_said(&[
        "has no results of 2026-01-01; there are some from 2026-01-29 to 2026-02-04",
        "insights run EVENTS",
    ]);
    let range = report(week(), &["--from", "2026-03-01", "--to", "2026-03-07"]).expect_code(2);
    range.expect_said(&["no results from 2026-03-01 to 2026-03-07", "2026-01-29 to 2026-02-04"]);
}

#[test]
fn a_night_stands_on_its_own_files_and_lives_without_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    for (name, bytes) in files_below(week()) {
        let path = state.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let night = dated(&state.join("insights"), day(2, 2));
    // Another night that is damaged costs its part, and is named.
    fs::write(dated(&state.join("insights"), day(2, 1)).join("insights.parquet"), "no parquet").unwrap();
    fs::remove_file(night.join("hours.parquet")).unwrap();
    fs::remove_file(state.join("runs/2026-02-02.json")).unwrap();
    let told = report(&state, &["--date", "2026-02-02"]).expect_code(0).stdout;
    assert!(told.contains("not readable any more: 2026-02-01"), "{told}");
    let in_one_line = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(in_one_line.contains("The record of the run is gone"), "{told}");
    // Its own are needed.
    fs::write(night.join("insights.jsonl"), "{\"no\": \"event\"}\n").unwrap();
    report(&state, &["--date", "2026-02-02"])
        .expect_code(3)
        .expect_said(&["insights.jsonl`, line 1: no insights event"]);
}

/// What an attacker writes into a user agent: markup, a text that runs backwards, a link.
const HOSTILE: &str = "</td><script>alert(1)</script>\u{202e}gpj.exe\u{200b} http://evil.example [a](b) `x`";

#[test]
fn what_an_attacker_writes_is_shown_and_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let thief = |date| {
        let stolen = |second: i64| Call { agent: HOSTILE, ..Call::usual(second, 7) };
        if date == day(1, 29) { (40_200..42_000).step_by(3).map(stolen).collect() } else { Vec::new() }
    };
    write_days(&events, day(1, 1), day(1, 29), thief);
    let arguments = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", "2026-01-29"];
    insights(arguments).expect_code(0);
    let page = page(&state, "2026-01-29");
    assert_eq!(page.matches("<script").count(), 1, "the page's own script is the only one");
    assert!(!page.contains(['\u{202e}', '\u{200b}']), "what does not show must be named");
    let told = text(&page);
    assert!(told.contains("</td><script>alert(1)</script>⟨U+202E⟩gpj.exe⟨U+200B⟩ http://evil.example"), "{told}");
    let markdown = fs::read_to_string(state.join("reports/2026-01-29.md")).unwrap();
    assert!(
        markdown.contains(r"&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;⟨U+202E⟩gpj.exe⟨U+200B⟩ http\://evil.example \[a\](b) \`x\`"),
        "{markdown}"
    );
}
