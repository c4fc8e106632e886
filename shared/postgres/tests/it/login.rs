//! Finding the server and logging in.

use shopflow_aws::{query, rds, xml};
use shopflow_core::ErrorKind;
use shopflow_core::settings::{Database as Settings, DatabaseAuth};
use shopflow_postgres::Database;

use crate::{secret, with_secret};

async fn database(settings: &Settings) -> Database {
    Database::new(&shopflow_testkit::aws().await, settings).await.unwrap()
}

/// A role of its own with this password; its name.
async fn role(sql: &tokio_postgres::Client, password: &str) -> String {
    let name = shopflow_testkit::unique("role").replace('-', "_");
    sql.batch_execute(&format!("CREATE ROLE {name} LOGIN PASSWORD '{password}'")).await.unwrap();
    name
}

async fn store(arn: &str, username: &str, password: &str) {
    let content = serde_json::json!({"username": username, "password": password}).to_string();
    aws_sdk_secretsmanager::Client::new(&shopflow_testkit::aws().await)
        .put_secret_value()
        .secret_id(arn)
        .secret_string(content)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_session_is_in_utc_and_names_the_application() {
    let (settings, _) = shopflow_testkit::database().await;
    let client = database(&settings).await.connect().await.unwrap();
    let row = client
        .query_one("SELECT current_setting('timezone'), current_setting('application_name')", &[])
        .await
        .unwrap();
    assert_eq!((row.get(0), row.get(1)), ("UTC", "shopflow"));
}

#[tokio::test]
async fn a_rotated_password_is_read_again_without_a_restart() {
    let (settings, sql) = shopflow_testkit::database().await;
    let role = role(&sql, "before").await;
    let arn = secret(&role, "before").await;
    let database = database(&with_secret(&settings, arn.clone())).await;
    database.connect().await.unwrap();

    sql.batch_execute(&format!("ALTER ROLE {role} PASSWORD 'after'")).await.unwrap();
    store(&arn, &role, "after").await;
    let client = database.connect().await.unwrap();
    let row = client.query_one("SELECT current_user::text", &[]).await.unwrap();
    assert_eq!(row.get::<_, String>(0), role);
}

#[tokio::test]
async fn in_the_middle_of_a_rotation_the_error_is_transient_and_keeps_the_secret() {
    let (settings, sql) = shopflow_testkit::database().await;
    let role = role(&sql, "hunter1").await;
    let arn = secret(&role, "hunter1").await;
    let database = database(&with_secret(&settings, arn.clone())).await;
    database.connect().await.unwrap();

    sql.batch_execute(&format!("ALTER ROLE {role} PASSWORD 'hunter2'")).await.unwrap();
    let error = database.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransientDatabase);
    assert!(!format!("{error} {error:?} {database:?}").contains("hunter"), "{error}");

    store(&arn, &role, "hunter2").await;
    database.connect().await.unwrap();
}

#[tokio::test]
async fn a_missing_secret_is_named() {
    let (settings, _) = shopflow_testkit::database().await;
    let missing = with_secret(&settings, "no-such-secret".to_owned());
    let error = database(&missing).await.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("no-such-secret"), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_a_transient_failure() {
    let (mut settings, _) = shopflow_testkit::database().await;
    settings.port = 1;
    let error = database(&settings).await.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransientDatabase, "{error}");
    assert!(error.to_string().contains("port=1"), "{error}");
}

#[tokio::test]
async fn a_killed_connection_is_a_transient_failure() {
    let (settings, sql) = shopflow_testkit::database().await;
    let client = database(&settings).await.connect().await.unwrap();
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    sql.execute("SELECT pg_terminate_backend($1)", &[&pid]).await.unwrap();
    let error = loop {
        match client.simple_query("SELECT 1").await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break shopflow_postgres::db_error("ask", error),
        }
    };
    assert_eq!(error.kind(), ErrorKind::TransientDatabase, "{error}");
}

#[tokio::test]
async fn values_of_rows_stay_out_of_errors() {
    let (settings, _) = shopflow_testkit::database().await;
    let client = database(&settings).await.connect().await.unwrap();
    client.batch_execute("CREATE TABLE people (email text PRIMARY KEY)").await.unwrap();
    for statement in [
        "INSERT INTO people VALUES ('ann@example.com'), ('ann@example.com')",
        "SELECT 'ann@example.com'::integer",
    ] {
        let error = client.batch_execute(statement).await.unwrap_err();
        let error = shopflow_postgres::db_error("insert people", error);
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(!format!("{error} {error:?}").contains("ann@"), "{error}");
        assert!(error.to_string().contains("sqlstate=2"), "{error}");
    }
}

#[tokio::test]
async fn the_server_is_found_by_its_rds_instance_name() {
    let aws = shopflow_testkit::aws().await;
    let instance = shopflow_testkit::unique("shop");
    let create = [
        ("DBInstanceIdentifier", instance.as_str()),
        ("DBInstanceClass", "db.t4g.micro"),
        ("Engine", "postgres"),
        ("MasterUsername", "shopflow"),
        ("MasterUserPassword", "not-used-here"),
        ("AllocatedStorage", "20"),
    ];
    let action = (rds::VERSION, "CreateDBInstance");
    let created = query::call(rds::SERVICE, &aws, action, &create, |root| {
        let mut endpoint = rds::Endpoint::default();
        xml::walk(root, &["CreateDBInstanceResult", "DBInstance"], &mut |instance| {
            endpoint = rds::endpoint_of(instance)?;
            Ok(())
        })?;
        Ok(endpoint)
    });
    let endpoint = created.await.unwrap();
    let expected = (endpoint.host.unwrap(), endpoint.port.unwrap());
    let (mut settings, _) = shopflow_testkit::database().await;
    settings.host = None;
    settings.port = 1;
    settings.instance = Some(instance.clone());
    let found = database(&settings).await.address().await;
    let delete = [("DBInstanceIdentifier", instance.as_str()), ("SkipFinalSnapshot", "true")];
    let action = (rds::VERSION, "DeleteDBInstance");
    query::call(rds::SERVICE, &aws, action, &delete, |_| Ok(())).await.unwrap();
    assert_eq!(found.unwrap(), expected);
}

#[tokio::test]
async fn an_unknown_rds_instance_is_named() {
    let (mut settings, _) = shopflow_testkit::database().await;
    settings.host = None;
    settings.instance = Some("no-such-instance".to_owned());
    let error = database(&settings).await.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("no-such-instance"), "{error}");
}

#[tokio::test]
async fn with_iam_no_secret_is_read() {
    let (mut settings, sql) = shopflow_testkit::database().await;
    settings.user = role(&sql, "irrelevant").await;
    settings.auth = DatabaseAuth::Iam;
    settings.secret_arn = None;
    // This server does not know IAM, so it refuses the token as a wrong password.
    let error = database(&settings).await.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
    assert!(error.to_string().contains("sqlstate=28P01"), "{error}");
}
