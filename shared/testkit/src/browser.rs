//! A real browser for tests of pages: Chromium without a window, driven over its debugging protocol.
//!
//! The protocol runs over two pipes, which needs no port and no further package.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

/// Names of the program on the usual systems.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Part of `cargo shopflow test`, whose Python environment has axe-core.
const HOME: &str = "SHOPFLOW_TEST_HOME";
/// How much wider than the window the page is.
const OVERFLOW: &str = "document.documentElement.scrollWidth - window.innerWidth";
/// Opens every part of the page that is folded in.
const UNFOLD: &str = "document.querySelectorAll('details').forEach(e => e.open = true)";
/// What axe finds: the rule and the first elements that break it.
const VIOLATIONS: &str = "axe.run({resultTypes: ['violations']}).then(found =>
    found.violations.map(one => one.id + ': ' +
        one.nodes.map(node => node.html.slice(0, 200)).slice(0, 3).join(', ')))";

/// A running browser; it ends with this value.
#[derive(Debug)]
pub struct Browser {
    process: Child,
    folder: PathBuf,
    to: File,
    from: Receiver<Value>,
    session: String,
    last_id: u64,
    /// What the page did since it was opened.
    noted: Noted,
}

/// What a page did while it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    /// Addresses that were asked for, the page's own first.
    pub requests: Vec<String>,
    /// Errors and warnings of the console, and exceptions.
    pub complaints: Vec<String>,
}

impl Browser {
    /// Starts the browser.
    ///
    /// # Panics
    /// When none is installed, or it does not answer.
    pub fn start() -> Browser {
        let program = PROGRAMS.into_iter().find(|name| is_installed(name)).expect(
            "no browser is installed: install Chromium (Debian, Ubuntu: apt-get install chromium)",
        );
        let folder = std::env::temp_dir().join(crate::unique("browser"));
        std::fs::create_dir_all(&folder).expect("make folder of the browser");
        let (to, from) = (folder.join("to"), folder.join("from"));
        let made = Command::new("mkfifo").args([&to, &from]).status().expect("run mkfifo");
        assert!(made.success(), "mkfifo failed");
        // The browser reads descriptor 3 and writes descriptor 4.
        let process = Command::new("sh")
            .args(["-c", "exec \"$@\" 3<\"$TO\" 4>\"$FROM\"", "sh", program])
            .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"])
            .args(["--no-first-run", "--hide-scrollbars", "--disable-dev-shm-usage"])
            .args(["--disable-background-networking", "--force-color-profile=srgb"])
            .arg(format!("--user-data-dir={}", folder.join("profile").display()))
            .env("TO", &to)
            .env("FROM", &from)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start the browser");
        let to = OpenOptions::new().write(true).open(to).expect("open pipe to the browser");
        let from = File::open(from).expect("open pipe from the browser");
        let mut browser = Browser {
            process,
            folder,
            to,
            from: messages(from),
            session: String::new(),
            last_id: 0,
            noted: Noted::default(),
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", attach);
        browser.session = attached["sessionId"].as_str().expect("session").to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// The size of the window in CSS pixels, and whether its user prefers dark pages.
    pub fn view(&mut self, width: u32, height: u32, is_dark: bool) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Opens a page and waits until it is there; what it did meanwhile.
    pub fn open(&mut self, address: &str) -> Noted {
        self.noted = Noted::default();
        let answer = self.call("Page.navigate", json!({"url": address}));
        assert_eq!(answer["errorText"], Value::Null, "{address}");
        while self.next()["method"] != "Page.loadEventFired" {}
        self.noted.clone()
    }

    /// The value of a script on the page, which may be a promise.
    pub fn evaluate(&mut self, script: &str) -> Value {
        let script = json!({"expression": script, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", script);
        assert_eq!(answer["exceptionDetails"], Value::Null, "{answer:#}");
        answer["result"]["value"].clone()
    }

    /// How many CSS pixels the open page is wider than the window.
    pub fn overflow(&mut self) -> f64 {
        self.evaluate(OVERFLOW).as_f64().expect("a number")
    }

    /// Opens every part of the open page that is folded in, which cannot be seen or checked before.
    pub fn unfold(&mut self) {
        self.evaluate(UNFOLD);
    }

    /// What the open page lacks for people who cannot see or point, by the script of [`axe`].
    pub fn violations(&mut self, axe: &str) -> Vec<String> {
        self.evaluate(axe);
        let found = self.evaluate(VIOLATIONS);
        serde_json::from_value(found).expect("a list of texts")
    }

    /// Writes a picture of the whole page as PNG.
    pub fn picture(&mut self, path: &Path) {
        let shot = json!({"format": "png", "captureBeyondViewport": true});
        let answer = self.call("Page.captureScreenshot", shot);
        let picture = BASE64.decode(answer["data"].as_str().expect("picture")).expect("base64");
        std::fs::write(path, picture).expect("write picture");
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).expect("write to the browser");
        loop {
            let answer = self.next();
            if answer["id"] == id {
                assert_eq!(answer["error"], Value::Null, "{method}");
                return answer["result"].clone();
            }
        }
    }

    fn next(&mut self) -> Value {
        let message = self.from.recv_timeout(crate::wait::PATIENCE).expect("the browser answers");
        let event = &message["params"];
        match message["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => {
                let address = event["request"]["url"].as_str().unwrap_or_default();
                self.noted.requests.push(address.to_owned());
            }
            "Log.entryAdded" => self.noted.complaints.push(event["entry"].to_string()),
            "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" => {
                self.noted.complaints.push(event.to_string());
            }
            _ => {}
        }
        message
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The script of axe-core, which checks that pages are accessible; `None` outside
/// `cargo shopflow test`.
///
/// # Panics
/// When the Python environment of the tests does not have it.
pub fn axe() -> Option<String> {
    let environment = Path::new(&std::env::var_os(HOME)?).join("../venv/lib");
    let pythons = std::fs::read_dir(&environment).unwrap_or_else(|error| {
        panic!("{HOME} is set, but {} cannot be read: {error}", environment.display())
    });
    let mut found = pythons
        .filter_map(|python| Some(python.ok()?.path()))
        .map(|python| python.join("site-packages/axe_core_python/axe.min.js"))
        .filter(|path| path.exists());
    let path = found.next().expect("axe-core-python is among the packages of the tests");
    Some(std::fs::read_to_string(path).expect("read axe-core"))
}

fn is_installed(program: &str) -> bool {
    let version = Command::new(program).arg("--version").stderr(Stdio::null()).output();
    version.is_ok_and(|version| version.status.success())
}

/// Messages as they come; each ends with a zero byte.
fn messages(from: File) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for message in BufReader::new(from).split(0).map_while(Result::ok) {
            let Ok(message) = serde_json::from_slice(&message) else { return };
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}
