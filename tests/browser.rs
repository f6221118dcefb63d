//! The report's page in a browser: no error, nothing loaded, nothing overlapping, nothing to be scrolled sideways, on a phone and a
//! screen, light and dark; filter, search, links and copying work; axe-core finds no serious fault of accessibility; a thousand
//! findings stay quick.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use common::browser::{Browser, skip};
use common::made::{Call, write_days};
use common::{day, insights};
use serde_json::{Value, json};

/// The version of axe-core that pages are checked with.
const AXE: &str = "4.11.1";
/// The most that a page may weigh.
const MOST_BYTES: u64 = 5_000_000;

fn judge(events: &Path, state: &Path, dates: &[&str]) {
    let arguments = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap()];
    insights(arguments.iter().chain(dates)).expect_code(0);
}

fn address(state: &Path, date: &str) -> String {
    format!("file://{}", state.join("reports").join(format!("{date}.html")).display())
}

/// The sample's last seven days, judged.
fn sample() -> &'static Path {
    static STATE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let judged = || {
        let state = tempfile::tempdir().unwrap();
        let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join("sample");
        judge(&events, state.path(), &["--from", "2026-01-29", "--to", "2026-02-04"]);
        state
    };
    STATE.get_or_init(judged).path()
}

/// What somebody may call a client.
const HOSTILE: &str = "<img src=x onerror=alert(1)>\u{202e}\u{5d0}\u{5d1}\u{5d2} \
                       averyveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryverylongword";

/// A month of 340 quiet people; on January 29 a hundred of them, and on January 30 all of them, call without end for an hour.
fn month() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    static STATE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let person = |number: i64, second: i64| Call {
        user: format!("{}", 1000 + number),
        address: format!("198.51.{}.{}", number / 200, number % 200),
        ..Call::usual(second, 1)
    };
    let judged = || {
        let folder = tempfile::tempdir().unwrap();
        let (events, state) = (folder.path().join("events"), folder.path().join("state"));
        write_days(&events, day(1, 1), day(1, 30), |date| {
            let usual = (0..340).flat_map(|number| (0..40).map(move |call| (number, call * 2160 + number)));
            let busy = if date == day(1, 30) {
                340
            } else if date == day(1, 29) {
                100
            } else {
                0
            };
            let burst = (0..busy)
                .flat_map(|number| (0..150).map(move |call| (number, 36_000 + (number % 12) * 3600 + call * 24)));
            let agents = |(number, second)| Call { agent: HOSTILE, ..person(number, second) };
            usual.map(|(number, second)| person(number, second)).chain(burst.map(agents)).collect()
        });
        judge(&events, &state, &["--from", "2026-01-29", "--to", "2026-01-30"]);
        folder
    };
    STATE.get_or_init(judged);
    PATH.get_or_init(|| STATE.get().unwrap().path().join("state"))
}

/// Errors on the console, and addresses other than the page's own that were asked for.
fn faults(browser: &Browser, address: &str) -> Vec<String> {
    let mut faults: Vec<String> = browser.log("browser").iter().map(ToString::to_string).collect();
    for line in browser.log("performance") {
        let message: Value = serde_json::from_str(line["message"].as_str().unwrap()).unwrap();
        if message["message"]["method"] == "Network.requestWillBeSent" {
            let asked = message["message"]["params"]["request"]["url"].as_str().unwrap().to_owned();
            faults.extend((asked != address && !asked.starts_with("data:")).then_some(asked));
        }
    }
    faults
}

/// Opens a page; what the browser did before, such as loading its own first page, is forgotten.
fn open_alone(browser: &Browser, address: &str) {
    browser.open("about:blank");
    browser.log("browser");
    browser.log("performance");
    browser.open(address);
}

/// Lines of text that lie on one another, and whatever is wider than the window.
const LAYOUT: &str = r"
    const faults = [];
    const root = document.documentElement;
    if (root.scrollWidth > innerWidth) faults.push(`${root.scrollWidth} wide in a window of ${innerWidth}`);
    const boxes = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node && boxes.length < 3000; node = walker.nextNode()) {
      const own = node.parentElement;
      if (!node.data.trim() || own.closest('script, style, svg, .tools, .skip') || !own.checkVisibility({ contentVisibilityAuto: true })) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const box of range.getClientRects()) if (box.width > 1) boxes.push([box, node.data.trim()]);
    }
    boxes.sort((left, right) => left[0].top - right[0].top);
    for (let one = 0; one < boxes.length; one += 1) {
      const [left, text] = boxes[one];
      if (left.right > innerWidth + 1) faults.push(`sticks out: ${text}`);
      for (let other = one + 1; other < boxes.length && boxes[other][0].top < left.bottom - 5; other += 1) {
        const right = boxes[other][0];
        if (Math.min(left.right, right.right) - Math.max(left.left, right.left) > 2) faults.push(`overlap: ${text} / ${boxes[other][1]}`);
      }
    }
    return faults.slice(0, 10);";

/// Opens a page at every width and in every scheme, all of it unfolded, and looks for faults.
fn look(browser: &Browser, address: &str) {
    for (width, scheme) in [(390, "light"), (390, "dark"), (1440, "light"), (1440, "dark")] {
        browser.view(width, scheme);
        open_alone(browser, address);
        let folded = browser.run(LAYOUT);
        browser.run("for (const own of document.querySelectorAll('details')) own.open = true;");
        let unfolded = browser.run(LAYOUT);
        assert_eq!((&folded, &unfolded), (&json!([]), &json!([])), "{address}, {width} wide, {scheme}");
        assert_eq!(faults(browser, address), Vec::<String>::new(), "{address}, {width} wide, {scheme}");
        let script = "return getComputedStyle(document.body).backgroundColor";
        let is_dark = browser.run(script).as_str().unwrap().starts_with("rgb(20,");
        assert_eq!(is_dark, scheme == "dark", "the page follows the scheme");
    }
}

#[test]
fn pages_are_whole_on_phone_and_screen_light_and_dark() {
    let Some(browser) = Browser::start() else { return };
    look(&browser, &address(sample(), "2026-01-29"));
    look(&browser, &address(sample(), "2026-02-02"));
    look(&browser, &address(month(), "2026-01-29"));
    let count = browser.run("return document.querySelectorAll('.finding').length").as_u64().unwrap();
    assert!((300..340).contains(&count), "{count} findings");
}

fn shown(browser: &Browser) -> u64 {
    browser
        .run("return Array.from(document.querySelectorAll('.finding')).filter((own) => own.checkVisibility()).length")
        .as_u64()
        .unwrap()
}

#[test]
fn filter_search_links_and_copying_work() {
    let Some(browser) = Browser::start() else { return };
    let address = address(sample(), "2026-01-29");
    browser.view(1440, "light");
    open_alone(&browser, &address);
    let count = |selector: &str| {
        browser.run(&format!("return document.querySelectorAll('{selector}').length")).as_u64().unwrap()
    };
    let (all, critical) = (count(".finding"), count(".finding[data-severity=\"4\"]"));
    assert!(critical > 0 && critical < all, "{critical} of {all}");
    assert_eq!(shown(&browser), all);
    browser.type_into("#severity", "critical");
    let said = json!(format!("{critical} of {all} shown"));
    assert_eq!((shown(&browser), browser.run("return shown.textContent")), (critical, said));
    browser.run("tools.reset(); severity.dispatchEvent(new Event('input'));");
    browser.type_into("#search", "nora61 TRAIL");
    let found = shown(&browser);
    assert!(found > 0 && found < all, "{found} of {all}");
    let told = "return Array.from(document.querySelectorAll('.finding:not([hidden])')).every((own) => own.textContent.includes('nora61'))";
    assert_eq!(browser.run(told), json!(true));
    // A link to a finding that the filter hides gives the filter up, and opens it.
    let folded = browser.run("return document.querySelector('details.finding[hidden]').id");
    browser.run(&format!("location.hash = '#' + {folded}"));
    let script = format!(
        "const own = document.getElementById({folded}); const box = own.getBoundingClientRect();\
        return [own.open, own.checkVisibility(), box.top >= 0 && box.top < innerHeight, search.value]"
    );
    let settled =
        browser.wait_for(&format!("new Promise((done) => setTimeout(() => done((() => {{ {script} }})()), 1200))"));
    assert_eq!(settled, json!([true, true, true, ""]));
    // Commands are copied as they are shown, with the reader's folder in them.
    browser.run("events.value = ''");
    browser.type_into("#events", "/data/my events");
    browser.devtools(
        "Browser.grantPermissions",
        &json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] }),
    );
    let trail = "return Array.from(document.querySelectorAll('article')).find((own) => own.textContent.includes('nora61 touched')).id";
    let trail = format!("#{}", browser.run(trail).as_str().unwrap());
    // Away from the toolbar, which stays at the top of the window.
    browser.run(&format!("document.querySelector('{trail} .copy').scrollIntoView({{ block: 'center' }})"));
    browser.click(&format!("{trail} .copy"));
    let copied =
        browser.wait_for("new Promise((done) => setTimeout(done, 300)).then(() => navigator.clipboard.readText())");
    assert_eq!(
        copied,
        json!(
            "insights query '/data/my events' --user nora61 --service Actiontrail --event UpdateTrail \
               --from 2026-01-29T07:14:00Z --to 2026-01-29T07:15:00Z \
               --columns event_time,api,principal,source_ip_address,error,request_parameters"
        )
    );
    assert_eq!(browser.run(&format!("return document.querySelector('{trail} .copy').textContent")), json!("Copied"));
    // A chart says the numbers of its hours to the keyboard too.
    browser.run(&format!("document.querySelector('{trail} .hours').focus()"));
    browser.type_into(&format!("{trail} .hours"), "\u{e010}\u{e012}");
    let reading = browser.run(&format!("return document.querySelector('{trail} .reading').textContent"));
    assert!(reading.as_str().unwrap().starts_with("Thu 29 Jan 22:00: 0 calls"), "{reading}");
    assert_eq!(faults(&browser, &address), Vec::<String>::new());
}

/// The script of axe-core, fetched once by npm, as `.ci/run` does.
fn axe() -> Option<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("axe-core-{AXE}"));
    let script = folder.join("node_modules/axe-core/axe.min.js");
    if !script.is_file() {
        fs::create_dir_all(&folder).unwrap();
        let wanted = format!("axe-core@{AXE}");
        let fetched = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save", "--prefix", ".", &wanted])
            .current_dir(&folder)
            .output();
        if !fetched.as_ref().is_ok_and(|output| output.status.success()) {
            skip(&format!("{wanted} is not to be had from npm: {fetched:?}"));
            return None;
        }
    }
    Some(fs::read_to_string(script).unwrap())
}

#[test]
fn axe_finds_no_serious_fault_of_accessibility() {
    let Some((browser, axe)) = Browser::start().zip(axe()) else { return };
    // The page's own policy keeps axe's script out; the page is what is looked at, not the policy.
    browser.devtools("Page.setBypassCSP", &json!({ "enabled": true }));
    let (small, large) = (address(sample(), "2026-02-02"), address(month(), "2026-01-29"));
    for (address, width, scheme) in [(&small, 390, "light"), (&small, 1440, "dark"), (&large, 390, "dark")] {
        browser.view(width, scheme);
        browser.open(address);
        browser
            .run("for (const own of Array.from(document.querySelectorAll('details')).slice(0, 40)) own.open = true;");
        browser.run(&axe);
        // The hours of a chart are parts of one picture, and there are ten thousand of them.
        let found = browser.wait_for("axe.run({ exclude: [['.hours > g']] }, { resultTypes: ['violations'] })");
        let serious = |found: &&Value| matches!(found["impact"].as_str(), Some("serious" | "critical"));
        let violations: Vec<&Value> = found["violations"].as_array().unwrap().iter().filter(serious).collect();
        let told = |found: &&Value| format!("{}: {}", found["id"], found["nodes"][0]["html"]);
        let told: Vec<String> = violations.iter().map(told).collect();
        assert_eq!(told, Vec::<String>::new(), "{address} {width} {scheme}");
    }
}

#[test]
fn a_thousand_findings_stay_quick() {
    let size = fs::metadata(month().join("reports/2026-01-30.html")).unwrap().len();
    assert!(size < MOST_BYTES, "{size} bytes");
    let Some(browser) = Browser::start() else { return };
    browser.view(1440, "light");
    let paint = || {
        browser.open(&address(month(), "2026-01-30"));
        let script = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 1e9";
        browser.run(script).as_f64().unwrap()
    };
    // The machine may be busy with something else; the page is as quick as it was at its best.
    let best = (0..3).map(|_| paint()).fold(f64::INFINITY, f64::min);
    assert!(best < 1000.0, "{best} ms to the first paint");
    let counts = "return ['.finding', '.chart'].map((name) => document.querySelectorAll(name).length)";
    let counts = browser.run(counts);
    assert!(counts[0].as_u64().unwrap() >= 1000 && counts[1] == 100, "{counts}");
}
