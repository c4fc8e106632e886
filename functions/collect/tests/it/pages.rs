//! Which web pages may send.

use shopflow_core::http::Request;

use crate::world::{World, event, header, post, with_header};

const SHOP: &str = "https://shop.example";
const OTHER: &str = "https://other.example";

async fn world(origins: &[&str]) -> World {
    let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
    World::with(|collect| collect.allowed_origins = origins).await
}

/// What `navigator.sendBeacon(url, text)` sends.
fn beacon(origin: &str) -> Request {
    let request = post("text/plain;charset=UTF-8", event("s-1").to_string());
    with_header(request, "origin", origin)
}

#[tokio::test]
async fn a_beacon_of_the_shop_is_taken_and_that_of_another_page_is_not() {
    let world = world(&[SHOP]).await;
    let taken = world.send(&beacon(SHOP)).await;
    assert_eq!(taken.status, 202);
    assert_eq!(header(&taken, "access-control-allow-origin"), Some(SHOP));
    let refused = world.send(&beacon(OTHER)).await;
    assert_eq!(refused.status, 403);
    assert_eq!(header(&refused, "access-control-allow-origin"), None);
    assert_eq!(world.stream.events().await.len(), 1);
}

#[tokio::test]
async fn a_browser_that_asks_first_is_told_what_the_shop_may_send() {
    let world = world(&[SHOP]).await;
    let ask = |origin| {
        let request = Request { method: "OPTIONS".to_owned(), ..beacon(origin) };
        with_header(request, "access-control-request-method", "POST")
    };
    let allowed = world.send(&ask(SHOP)).await;
    assert_eq!(allowed.status, 204);
    assert_eq!(header(&allowed, "access-control-allow-origin"), Some(SHOP));
    assert_eq!(header(&allowed, "access-control-allow-methods"), Some("POST"));
    let headers = header(&allowed, "access-control-allow-headers").unwrap();
    assert!(headers.contains("content-type") && headers.contains("content-encoding"), "{headers}");
    let refused = world.send(&ask(OTHER)).await;
    assert_eq!((refused.status, header(&refused, "access-control-allow-origin")), (403, None));
}

#[tokio::test]
async fn any_page_may_send_where_that_is_configured_and_none_where_nothing_is() {
    let any = world(&["*"]).await;
    let taken = any.send(&beacon(OTHER)).await;
    assert_eq!((taken.status, header(&taken, "access-control-allow-origin")), (202, Some("*")));
    let none = world(&[]).await;
    let refused = none.send(&beacon(SHOP)).await;
    assert_eq!(refused.status, 403);
    let cors = |name: &str| name.starts_with("access-control");
    assert!(!refused.headers.iter().any(|(name, _)| cors(name)), "{:?}", refused.headers);
    // A program is no page.
    assert_eq!(none.send(&post("text/plain", event("s-1").to_string())).await.status, 202);
}
