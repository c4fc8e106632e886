//! The page of the report in a real browser: wide and narrow, light and dark.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use shopflow_testkit::browser::{Browser, axe};

#[test]
fn the_report_fits_wide_and_narrow_windows_is_accessible_and_asks_for_nothing() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/report.html");
    let address = format!("file://{}", page.canonicalize().unwrap().display());
    let axe = axe();
    let mut browser = Browser::start();
    for (width, is_dark) in [(1280, false), (1280, true), (360, false), (360, true)] {
        browser.view(width, 800, is_dark);
        let noted = browser.open(&address);
        assert_eq!(noted.requests, [address.as_str()]);
        assert_eq!(noted.complaints, [""; 0]);
        browser.unfold();
        let overflow = browser.overflow();
        assert!(overflow <= 0.0, "{overflow} too wide at {width}");
        // Amounts of a large shop stand on one line within their tiles.
        let heights = ["1", "100,000,000.00"].map(|amount| browser.evaluate(&tiles(amount)));
        assert_eq!(heights[0], heights[1], "at {width}");
        if let Some(axe) = &axe {
            let violations = browser.violations(axe);
            assert_eq!(violations, [""; 0], "at {width}, dark: {is_dark}");
        }
    }
}

/// Puts an amount into every tile; how high the tiles' amounts are, and which are too wide.
fn tiles(amount: &str) -> String {
    format!(
        "[...document.querySelectorAll('.totals dd')].map(tile => {{
            tile.textContent = '{amount}';
            return [tile.offsetHeight, tile.scrollWidth > tile.clientWidth];
        }})"
    )
}
