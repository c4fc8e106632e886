//! Who gets in, and what the answers to a browser look like.

use serde_json::{Value, json};
use shopflow_core::http::Response;
use shopflow_core::signed_link;
use shopflow_dashboard::handle_at;

use crate::world::{NOW, SECRET, World, header, moment, request, text};

/// The largest page, in bytes.
const LARGEST: usize = 100_000;

async fn with(world: &World, path: &str, query: &str, cookies: Value) -> Response {
    let request = request("GET", path, query, json!({}), cookies);
    handle_at(&world.context, &request, moment(NOW)).await.unwrap()
}

fn token(seconds: i64) -> String {
    signed_link::sign(SECRET, moment(NOW).timestamp() + seconds).unwrap()
}

#[tokio::test]
async fn nobody_gets_in_without_a_link() {
    let world = World::begun().await;
    for (path, query) in [("/", ""), ("/", "token=1.x"), ("/api/live", ""), ("/other", "")] {
        let response = with(&world, path, query, json!([])).await;
        assert_eq!(response.status, 401, "{path}");
        assert!(text(&response).contains("cargo shopflow dashboard --open"), "{path}");
        assert_eq!(response.cookies, [""; 0], "{path}");
    }
    for cookie in [token(0), token(-5), token(60).replace('.', ".A"), "x".to_owned()] {
        let cookies = json!([format!("shopflow_dashboard={cookie}")]);
        assert_eq!(with(&world, "/api/live", "", cookies.clone()).await.status, 401, "{cookie}");
        assert_eq!(with(&world, "/", "", cookies).await.status, 401, "{cookie}");
    }
}

#[tokio::test]
async fn a_link_leads_to_the_page_and_its_cookie_to_the_figures() {
    let world = World::begun().await;
    let token = token(600);
    let response = with(&world, "/", &format!("token={token}"), json!([])).await;
    assert_eq!((response.status, header(&response, "location").as_str()), (303, "./"));
    let cookie = response.cookies[0].clone();
    assert!(cookie.contains("HttpOnly; SameSite=Strict; Max-Age=600"), "{cookie}");
    let cookie = json!([cookie.split(';').next().unwrap()]);
    assert_eq!(with(&world, "/", "", cookie.clone()).await.status, 200);
    assert_eq!(with(&world, "/api/live", "", cookie).await.status, 200);
    // The figures are not had by the token alone: it would stand in logs of proxies.
    let query = format!("token={token}");
    assert_eq!(with(&world, "/api/live", &query, json!([])).await.status, 401);
}

#[tokio::test]
async fn the_page_is_one_answer_that_needs_nothing_else() {
    let world = World::begun().await;
    let plain = world.ask("GET", "/", json!({})).await;
    let page = text(&plain);
    assert!(page.len() < LARGEST, "{} bytes", page.len());
    assert!(!page.contains("http:") && !page.contains("https:"));
    let policy = header(&plain, "content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(policy.contains("connect-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(header(&plain, "x-content-type-options"), "nosniff");
    assert_eq!(header(&plain, "referrer-policy"), "no-referrer");
    assert_eq!(header(&plain, "cache-control"), "no-store");
    let packed = world.ask("GET", "/", json!({"accept-encoding": "gzip, br"})).await;
    assert_eq!(header(&packed, "content-encoding"), "gzip");
    assert_eq!(text(&packed), page);
}

#[tokio::test]
async fn only_two_paths_are_there_and_they_are_only_read() {
    let world = World::begun().await;
    assert_eq!(world.ask("GET", "/api/other", json!({})).await.status, 404);
    for path in ["/", "/api/live"] {
        let posted = world.ask("POST", path, json!({})).await;
        assert_eq!((posted.status, header(&posted, "allow").as_str()), (405, "GET, HEAD"));
        let head = world.ask("HEAD", path, json!({})).await;
        assert_eq!((head.status, text(&head).as_str()), (200, ""), "{path}");
        let get = world.ask("GET", path, json!({})).await;
        assert_eq!(head.headers, get.headers, "{path}");
    }
}
