//! Who we are: a Secrets Manager secret, cached until a login with it fails, or an RDS IAM token.

use std::fmt;
use std::sync::Arc;

use aws_config::SdkConfig;
use serde::Deserialize;
use shopflow_aws::rds;
use shopflow_core::settings::Database as Settings;
use shopflow_core::{Error, Result};
use tokio::sync::Mutex;

use crate::endpoint::Endpoint;
use crate::secret;

/// A user and a password; neither shows in `Debug`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Login {
    pub username: String,
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(hidden)")
    }
}

/// The secret as last read.
#[derive(Debug, Default)]
pub struct SecretCache(Mutex<Option<Arc<Login>>>);

impl SecretCache {
    /// The login in the secret. With `refused`, the login that just failed, the secret is read
    /// again unless somebody else has done so meanwhile.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such secret or it is not `{"username", "password"}`.
    pub async fn login(
        &self,
        aws: &SdkConfig,
        settings: &Settings,
        refused: Option<&Arc<Login>>,
    ) -> Result<Arc<Login>> {
        let mut cached = self.0.lock().await;
        if let Some(login) = &*cached
            && refused.is_none_or(|refused| !Arc::ptr_eq(refused, login))
        {
            return Ok(Arc::clone(login));
        }
        let login = Arc::new(read_secret(aws, settings).await?);
        *cached = Some(Arc::clone(&login));
        Ok(login)
    }
}

async fn read_secret(aws: &SdkConfig, settings: &Settings) -> Result<Login> {
    let Some(id) = settings.secret_arn.as_deref() else {
        return Err(Error::invalid("database.secret_arn is not set")
            .hint("set SHOPFLOW__DATABASE__SECRET_ARN"));
    };
    let text = secret::read(aws, id).await?;
    decode(&text).map_err(|error| error.with("secret", id))
}

/// The decoder's own message would quote the secret, so it is left out.
fn decode(secret: &str) -> Result<Login> {
    serde_json::from_str(secret).map_err(|_| {
        Error::invalid("the secret does not hold a database login")
            .hint("store it as JSON with the text fields username and password")
    })
}

/// A fresh IAM token as the password of `settings.user`; it is good for 15 minutes.
///
/// # Errors
/// `Internal` when there are no AWS credentials to sign it with.
pub async fn iam_login(aws: &SdkConfig, settings: &Settings, endpoint: &Endpoint) -> Result<Login> {
    let address = (endpoint.host.as_str(), endpoint.port);
    let token = rds::login_token(aws, address, &settings.user)
        .await
        .map_err(|error| Error::internal("sign RDS token failed").because(error))?;
    Ok(Login { username: settings.user.clone(), password: token })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_may_hold_more_than_the_login() {
        let login = decode(r#"{"username":"u","password":"p","engine":"postgres"}"#).unwrap();
        assert_eq!((login.username.as_str(), login.password.as_str()), ("u", "p"));
    }

    #[test]
    fn a_wrong_secret_is_reported_without_its_content() {
        for secret in ["hunter2", r#"{"username":"u","password":{"hunter2":1}}"#, ""] {
            let error = decode(secret).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert!(error.to_string().contains("username and password"), "{error}");
        }
    }

    #[tokio::test]
    async fn an_iam_token_is_a_signed_address_for_this_role_and_server() {
        let aws = shopflow_testkit::aws().await;
        let (mut settings, _) = shopflow_testkit::database().await;
        settings.user = "pipeline".to_owned();
        let endpoint = Endpoint { host: "db.example.com".to_owned(), port: 5433 };
        let login = iam_login(&aws, &settings, &endpoint).await.unwrap();
        assert_eq!(login.username, "pipeline");
        let token = login.password;
        assert!(token.starts_with("db.example.com:5433/?"), "{token}");
        for part in ["Action=connect", "DBUser=pipeline", "X-Amz-Signature=", "rds-db"] {
            assert!(token.contains(part), "{part} is missing in {token}");
        }
    }

    #[test]
    fn a_login_does_not_show_in_debug_output() {
        let login = Login { username: "ann".to_owned(), password: "hunter2".to_owned() };
        let text = format!("{login:?}");
        assert!(!text.contains("hunter2") && !text.contains("ann"), "{text}");
    }
}
