//! stub
use super::Evidence;
pub fn page(_evidence: &Evidence<'_>) -> String {
    super::shell::Shell {
        title: "Lineage",
        heading: shopflow_page::html!("Lineage"),
        basis: shopflow_page::html!("x"),
        way: &[("Data docs", "../index.html")],
        here: "lineage",
    }
    .around(&shopflow_page::Html::default())
}
