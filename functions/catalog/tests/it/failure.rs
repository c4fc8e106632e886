//! What Glue refuses: retried by the state machine when it can pass, else the end of the run.

use shopflow_catalog::{Context, handle};
use shopflow_core::ErrorKind;
use shopflow_testkit::aws_at;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::{World, event};

/// A Glue that answers everything with one error; its address.
async fn refusing(code: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let body = format!(r#"{{"__type":"{code}","Message":"no"}}"#);
            let answer = format!(
                "HTTP/1.1 400 Bad Request\r\nContent-Type: application/x-amz-json-1.1\r\n\
                 Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let mut request = [0; 64 * 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn what_can_pass_is_transient_and_a_missing_permission_is_not() {
    let world = World::new().await;
    let cases = [
        ("ThrottlingException", ErrorKind::TransientService),
        ("InternalServiceException", ErrorKind::TransientService),
        ("OperationTimeoutException", ErrorKind::TransientService),
        ("ConcurrentModificationException", ErrorKind::TransientService),
        ("AccessDeniedException", ErrorKind::Internal),
        ("InvalidInputException", ErrorKind::Internal),
    ];
    for (code, kind) in cases {
        let glue = aws_at(&refusing(code).await).await;
        let context = Context::with(
            world.storage.clone(),
            &world.bucket,
            &glue,
            "shopflow_t",
            crate::world::privacy(),
        );
        let error = handle(&context, event(), &world.invocation).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{code}: {error}");
        assert!(error.to_string().contains("shopflow_t_bronze"), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_the_manifest_lists_and_nobody_has_is_an_error() {
    let world = World::new().await;
    world.put("gold/fact_sales", "month=2026-01", &crate::world::gold(&[]), 1).await;
    world.remove("gold/fact_sales/month=").await;
    let error = handle(&world.context, event(), &world.invocation).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().contains("gold/fact_sales"), "{error}");
}
