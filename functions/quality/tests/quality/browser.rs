//! The data docs in a real browser: wide and narrow, light and dark.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde_json::Value;
use shopflow_core::runtime::Invocation;
use shopflow_core::{Dataset, keys};
use shopflow_generate::GenerateSpec;
use shopflow_testkit::browser::{Browser, axe};

use crate::docs::{broken_shop, site};
use crate::support::{RUN_ID, Shop};
use crate::{files, gold};

/// Where pictures of the pages are put, when somebody wants to look at them.
const PICTURES: &str = "SHOPFLOW_TEST_PICTURES";
/// The run that has something wrong with it.
const BROKEN: &str = "nightly-broken";
/// Things that can be reached or read out and have no name.
const NAMELESS: &str = "[...document.querySelectorAll('a, summary, svg, [role=region], table')]
    .filter(e => !(e.ariaLabel || e.textContent.trim() || e.querySelector('caption')))
    .map(e => e.outerHTML.slice(0, 200))";

/// A shop with runs before it, one of them broken, whose last run has far fewer rows than those.
async fn shop_with_a_past() -> Shop {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let mut shop = broken_shop().await;
    let broken = shop.manifest.take();
    gold::write(&shop, &gold::of_the_shop()).await;
    let invocation = Invocation::detached(&shop.aws, "quality");
    let sizes = [0.2, 0.25, 0.3, 0.22, 0.28, 0.24, 0.26, 0.27, 0.02];
    for (number, scale) in sizes.into_iter().enumerate() {
        let spec = GenerateSpec { scale, defect_rate: 0.0, ..GenerateSpec::default() };
        let generated = shopflow_generate::Shop::new(day("2026-01-16"), &spec).unwrap();
        let files: Vec<(Dataset, Vec<u8>)> = shopflow_generate::DATASETS
            .into_iter()
            .map(|dataset| {
                let mut file = Vec::new();
                generated.write(dataset, &mut file).unwrap();
                (dataset, file)
            })
            .collect();
        shop.manifest = Some(files::publish(&shop, &files).await);
        if number == 5 {
            shop.manifest.clone_from(&broken);
            shop.check_as(BROKEN, &invocation).await;
        } else if number + 1 < sizes.len() {
            shop.check_as(&format!("nightly-{number}"), &invocation).await;
        } else {
            shop.check().await;
        }
    }
    shop
}

fn written(site: &std::collections::BTreeMap<String, String>) -> PathBuf {
    let folder = std::env::temp_dir().join(shopflow_testkit::unique("site"));
    for (key, content) in site {
        let path = folder.join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
}

fn address(folder: &Path, key: &str) -> String {
    format!("file://{}/{key}", folder.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_fit_wide_and_narrow_windows_and_ask_for_nothing() {
    let shop = shop_with_a_past().await;
    let site = site(&shop).await;
    let folder = written(&site);
    let axe = axe();
    // All of one run; of the broken one those that look different.
    let broken = ["index", "customers", "fact_sales"].map(|page| keys::docs_page(BROKEN, page));
    let wanted: Vec<&String> = site
        .keys()
        .filter(|key| key.ends_with(".html"))
        .filter(|key| !key.contains("/run_id=") || key.contains(RUN_ID) || broken.contains(key))
        .collect();
    assert!(wanted.len() > 15, "{wanted:?}");
    let mut browser = Browser::start();
    for (width, is_dark) in [(1280, false), (360, true), (360, false), (1280, true)] {
        browser.view(width, 800, is_dark);
        for key in &wanted {
            let address = address(&folder, key);
            let noted = browser.open(&address);
            assert_eq!(noted.requests, [address.as_str()], "{key}");
            assert_eq!(noted.complaints, Vec::<String>::new(), "{key}");
            let overflow = browser.overflow();
            assert!(overflow <= 0.0, "{key} at {width}: {overflow} too wide");
            assert_eq!(browser.evaluate(NAMELESS), Value::Array(Vec::new()), "{key}");
            if let Some(folder) = std::env::var_os(PICTURES) {
                let scheme = if is_dark { "dark" } else { "light" };
                let name = format!("{}-{width}-{scheme}.png", key.replace(['/', '='], "-"));
                browser.picture(&Path::new(&folder).join(name));
            }
            browser.unfold();
            let overflow = browser.overflow();
            assert!(overflow <= 0.0, "{key} at {width}, unfolded: {overflow} too wide");
            if let Some(axe) = &axe {
                let violations = browser.violations(axe);
                assert_eq!(violations, [""; 0], "{key} at {width}, dark: {is_dark}");
            }
        }
    }
    if std::env::var_os(PICTURES).is_none() {
        std::fs::remove_dir_all(folder).unwrap();
    }
}
