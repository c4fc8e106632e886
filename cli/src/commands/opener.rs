//! The browser.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// Programs that open a page, of the usual desktops.
const OPENERS: [&str; 2] = ["xdg-open", "open"];

/// Opens a page in the browser, if there is a program for that.
pub(super) fn open(page: impl AsRef<OsStr>) -> bool {
    OPENERS.iter().any(|opener| {
        Command::new(opener)
            .arg(page.as_ref())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .is_ok()
    })
}
