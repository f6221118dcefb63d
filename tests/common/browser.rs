//! A headless Chromium, driven through its own driver by `WebDriver`'s protocol, which is JSON over HTTP.
//!
//! Chromium and its driver are packages of Debian (`chromium`, `chromium-driver`). Where they are not to be had, tests of pages cannot
//! run: they say so loudly and pass, unless `INSIGHTS_BROWSER=required` demands them, as `.ci/run` does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// Tries at starting the browser; a loaded machine may need more than one.
const TRIES: usize = 3;
/// How long a command may take.
const PATIENCE: Duration = Duration::from_mins(2);
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window.
#[derive(Debug)]
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    profile: tempfile::TempDir,
}

/// Whether tests that need a browser may not be passed over.
pub(crate) fn is_required() -> bool {
    std::env::var("INSIGHTS_BROWSER").is_ok_and(|value| value == "required")
}

/// Says that something was not tested, where nobody captures it.
pub(crate) fn skip(what: &str) {
    assert!(!is_required(), "INSIGHTS_BROWSER=required, but {what}");
    let _ =
        writeln!(std::io::stderr(), "\n!!! NOT TESTED: {what}; the report's page was not opened in a browser !!!\n");
}

impl Browser {
    /// Starts a browser; `None`, after saying so, where there is none.
    pub(crate) fn start() -> Option<Self> {
        let mut failure = String::new();
        for _ in 0..TRIES {
            match Self::try_start() {
                Ok(browser) => return Some(browser),
                Err(error) => failure = error,
            }
        }
        skip(&format!("no browser could be started ({failure})"));
        None
    }

    fn try_start() -> Result<Self, String> {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("chromedriver: {error}"))?;
        let profile = tempfile::tempdir().map_err(|error| error.to_string())?;
        let port = port(&mut driver).ok_or("chromedriver named no port");
        let mut browser = Self { driver, port: port.unwrap_or_default(), session: String::new(), profile };
        port?;
        let folder = browser.profile.path().display().to_string();
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
        ];
        let mut arguments: Vec<String> = flags.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={folder}"));
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "timeouts": { "script": 110_000, "pageLoad": 60_000 },
        } } });
        let session = browser.ask("POST", "/session", &wanted)?;
        session["sessionId"].as_str().ok_or("no session")?.clone_into(&mut browser.session);
        Ok(browser)
    }

    /// One request to the driver.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let fail = |error: std::io::Error| format!("{path}: {error}");
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(fail)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(fail)?;
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).map_err(fail)?;
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).map_err(fail)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) =
                line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            {
                length = value.trim().parse().map_err(|_| format!("{path}: {name}: {value}"))?;
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).map_err(fail)?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|error| format!("{path}: {error}"))?;
        match answer["value"]["error"].as_str() {
            Some(error) => Err(format!("{path}: {error}: {}", answer["value"]["message"])),
            None => Ok(answer["value"].clone()),
        }
    }

    #[track_caller]
    fn command(&self, command: &str, body: &Value) -> Value {
        self.ask("POST", &format!("/session/{}/{command}", self.session), body).unwrap()
    }

    /// A command of the browser's own protocol.
    #[track_caller]
    pub(crate) fn devtools(&self, name: &str, parameters: &Value) -> Value {
        self.command("goog/cdp/execute", &json!({ "cmd": name, "params": parameters }))
    }

    /// Makes the window so wide, at such a colour scheme.
    #[track_caller]
    pub(crate) fn view(&self, width: u32, scheme: &str) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &scheme);
    }

    /// Opens an address and waits until it is loaded.
    #[track_caller]
    pub(crate) fn open(&self, address: &str) {
        self.command("url", &json!({ "url": address }));
    }

    /// What a script returns.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// What a promise comes to.
    #[track_caller]
    pub(crate) fn wait_for(&self, promise: &str) -> Value {
        let script =
            format!("const done = arguments[0]; ({promise}).then(done, (error) => done({{ failed: String(error) }}));");
        self.command("execute/async", &json!({ "script": script, "args": [] }))
    }

    #[track_caller]
    fn find(&self, selector: &str) -> String {
        let found = self.command("element", &json!({ "using": "css selector", "value": selector }));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks as a person would.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str) {
        let element = self.find(selector);
        self.command(&format!("element/{element}/click"), &json!({}));
    }

    /// Types as a person would.
    #[track_caller]
    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.command(&format!("element/{element}/value"), &json!({ "text": text }));
    }

    /// The lines of a log since it was last asked for.
    #[track_caller]
    pub(crate) fn log(&self, kind: &str) -> Vec<Value> {
        self.command("se/log", &json!({ "type": kind })).as_array().unwrap().clone()
    }
}

/// The port that a driver names on its standard output, which is read on so that it never blocks.
fn port(driver: &mut Child) -> Option<u16> {
    let mut lines = BufReader::new(driver.stdout.take()?).lines();
    let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let (_, rest) = line.split_once("successfully on port ")?;
        rest.trim_end_matches('.').parse().ok()
    });
    std::thread::spawn(move || lines.for_each(drop));
    port
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let _ = self.ask("DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
