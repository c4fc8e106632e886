//! RDS: where an instance listens, and tokens to log in with.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_xml::decode::{ScopedDecoder, XmlDecodeError, try_data};
use percent_encoding::utf8_percent_encode;

use crate::query::{self, RESERVED};
use crate::service::{Outcome, Service};
use crate::xml::walk;

/// RDS as a service.
pub const SERVICE: Service = Service { id: "RDS", name: "rds" };
/// The version of its interface.
pub const VERSION: &str = "2014-10-31";
/// A login token is good for this long, which is the most RDS takes.
const TOKEN_LIFE: Duration = Duration::from_secs(900);

/// The code of the refusal when there is no such instance.
pub const NOT_FOUND: &str = "DBInstanceNotFound";

/// Where an instance listens. An instance that is being created has no address yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    pub host: Option<String>,
    pub port: Option<u16>,
}

/// `DescribeDBInstances`: where the instance with this identifier listens.
///
/// # Errors
/// [`NOT_FOUND`] when there is no such instance; whatever else RDS or the way to it refuses.
pub async fn endpoint(aws: &SdkConfig, instance: &str) -> Outcome<Endpoint> {
    let parameters = [("DBInstanceIdentifier", instance)];
    query::call(SERVICE, aws, (VERSION, "DescribeDBInstances"), &parameters, read_endpoint).await
}

fn read_endpoint(root: &mut ScopedDecoder<'_, '_>) -> Result<Endpoint, XmlDecodeError> {
    let mut found = Endpoint::default();
    walk(root, &["DescribeDBInstancesResult", "DBInstances", "DBInstance"], &mut |instance| {
        found = endpoint_of(instance)?;
        Ok(())
    })?;
    Ok(found)
}

/// The endpoint of a `DBInstance` element.
///
/// # Errors
/// When the answer is no XML.
pub fn endpoint_of(instance: &mut ScopedDecoder<'_, '_>) -> Result<Endpoint, XmlDecodeError> {
    let mut found = Endpoint::default();
    walk(instance, &["Endpoint"], &mut |endpoint| {
        while let Some(mut part) = endpoint.next_tag() {
            match part.start_el().local() {
                "Address" => found.host = Some(try_data(&mut part)?.into_owned()),
                "Port" => found.port = try_data(&mut part)?.parse().ok(),
                _ => {}
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// A token that `user` logs in with instead of a password: the signed address of the database.
///
/// # Errors
/// When there are no credentials or no region to sign with.
pub async fn login_token(
    aws: &SdkConfig,
    (host, port): (&str, u16),
    user: &str,
) -> Result<String, BoxError> {
    let provider = aws.credentials_provider().ok_or("there are no AWS credentials")?;
    let identity: Identity = provider.provide_credentials().await?.into();
    let region = aws.region().ok_or("no AWS region is set")?;
    let now = aws.time_source().map_or_else(SystemTime::now, |time| time.now());
    let mut settings = SigningSettings::default();
    settings.expires_in = Some(TOKEN_LIFE);
    settings.signature_location = SignatureLocation::QueryParams;
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region.as_ref())
        .name("rds-db")
        .time(now)
        .settings(settings)
        .build()?;
    let user = utf8_percent_encode(user, RESERVED);
    let mut token = format!("{host}:{port}/?Action=connect&DBUser={user}");
    let url = format!("https://{token}");
    let request = SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::empty())?;
    let (signed, _) = sign(request, &parameters.into())?.into_parts();
    for (name, value) in signed.params() {
        token.push_str(&format!("&{name}={}", utf8_percent_encode(value, RESERVED)));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use aws_config::Region;
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use aws_smithy_xml::decode::Document;

    use super::*;

    fn read(text: &str) -> Endpoint {
        read_endpoint(&mut Document::new(text).root_element().unwrap()).unwrap()
    }

    #[test]
    fn the_address_is_found_among_everything_else_rds_says() {
        let text = r#"<DescribeDBInstancesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/">
            <DescribeDBInstancesResult><DBInstances><DBInstance>
              <ListenerEndpoint><Address>not.this</Address></ListenerEndpoint>
              <Endpoint><HostedZoneId>Z1</HostedZoneId><Address>shop.example.com</Address>
                <Port>5433</Port></Endpoint>
              <Engine>postgres</Engine></DBInstance></DBInstances></DescribeDBInstancesResult>
            <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
            </DescribeDBInstancesResponse>"#;
        let expected = Endpoint { host: Some("shop.example.com".to_owned()), port: Some(5433) };
        assert_eq!(read(text), expected);
    }

    #[test]
    fn an_instance_that_is_being_created_has_no_address() {
        let text = "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>\
            <DBInstance><DBInstanceStatus>creating</DBInstanceStatus></DBInstance>\
            </DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>";
        assert_eq!(read(text), Endpoint::default());
    }

    /// The token that the SDK's own generator makes of these values.
    const TOKEN: &str = "prod-instance.us-east-1.rds.amazonaws.com:3306/?Action=connect&DBUser=peccy\
        &X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=akid%2F20240826%2Fus-east-1%2Frds-db%2Faws4_request\
        &X-Amz-Date=20240826T220000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
        &X-Amz-Signature=dd0cba843009474347af724090233265628ace491ea17ce3eb3da098b983ad89";

    #[derive(Debug)]
    struct Then;

    impl aws_smithy_async::time::TimeSource for Then {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_724_709_600)
        }
    }

    #[tokio::test]
    async fn a_token_is_signed_as_the_sdk_signs_it() {
        let credentials = Credentials::new("akid", "secret", None, None, "test");
        let aws = SdkConfig::builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .region(Region::new("us-east-1"))
            .time_source(Then)
            .build();
        let host = "prod-instance.us-east-1.rds.amazonaws.com";
        assert_eq!(login_token(&aws, (host, 3306), "peccy").await.unwrap(), TOKEN);
    }
}
