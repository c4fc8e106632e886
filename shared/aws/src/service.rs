//! A service, and how one of its operations is called.

use aws_config::SdkConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::TransientErrorClassifier;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;

use crate::refusal::Refusal;

/// Why a call came to nothing.
pub type Failure = SdkError<Refusal, HttpResponse>;
/// What came of a call.
pub type Outcome<T> = std::result::Result<T, Failure>;

/// A service of AWS.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// As in `AWS_ENDPOINT_URL_<ID>` and in the `services` section of the AWS configuration.
    pub id: &'static str,
    /// In its host name and in signatures.
    pub name: &'static str,
}

/// A request without what every request has.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub method: &'static str,
    pub path: String,
    pub content_type: &'static str,
    /// Besides the content type, by name.
    pub headers: Vec<(&'static str, &'static str)>,
    pub body: Vec<u8>,
}

impl Service {
    /// Calls `operation` and decodes its answer.
    pub(crate) async fn call<T>(
        &self,
        aws: &SdkConfig,
        operation: &'static str,
        request: Request,
        decode: impl Fn(&HttpResponse) -> Result<T, Refusal> + Send + Sync + 'static,
    ) -> Outcome<T>
    where
        T: std::fmt::Debug + Send + Sync + 'static,
    {
        let endpoint = self.endpoint(aws).map_err(SdkError::construction_failure)?;
        let signing = self.signing(aws).map_err(SdkError::construction_failure)?;
        let retries = aws.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
        let timeouts = aws.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled);
        let mut builder = Operation::builder()
            .service_name(self.id)
            .operation_name(operation)
            .behavior_version(aws.behavior_version().unwrap_or_else(BehaviorVersion::latest))
            .endpoint_url(&endpoint)
            .standard_retry(&retries)
            .timeout_config(timeouts)
            .runtime_plugin(signing);
        if let Some(client) = aws.http_client() {
            builder = builder.http_client(client);
        }
        if let Some(sleep) = aws.sleep_impl() {
            builder = builder.sleep_impl(sleep);
        }
        if let Some(time) = aws.time_source() {
            builder = builder.time_source(time);
        }
        let operation = builder
            .serializer(|request: Request| {
                let mut built = HttpRequest::new(SdkBody::from(request.body));
                built.set_method(request.method)?;
                built.set_uri(request.path.as_str())?;
                built.headers_mut().insert("content-type", request.content_type);
                for (name, value) in request.headers {
                    built.headers_mut().insert(name, value);
                }
                Ok(built)
            })
            .deserializer(move |response: &HttpResponse| {
                let answer = if response.status().is_success() {
                    decode(response)
                } else {
                    Err(Refusal::read(response))
                };
                answer.map_err(OrchestratorError::operation)
            })
            .build();
        operation.invoke(request).await
    }

    /// Where the service is: the address that is configured for it or for all services, else that
    /// of the region.
    fn endpoint(&self, aws: &SdkConfig) -> Result<String, BoxError> {
        let key = ServiceConfigKey::builder()
            .service_id(self.id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()?;
        let own = aws.service_config().and_then(|settings| settings.load_config(key));
        if let Some(url) = own.as_deref().or(aws.endpoint_url()) {
            return Ok(url.trim_end_matches('/').to_owned());
        }
        let region = region(aws)?;
        let fips = if aws.use_fips() == Some(true) { "-fips" } else { "" };
        let dual_stack = aws.use_dual_stack() == Some(true);
        let domain = match (region.starts_with("cn-"), dual_stack) {
            (false, false) => "amazonaws.com",
            (false, true) => "api.aws",
            (true, false) => "amazonaws.com.cn",
            (true, true) => "api.amazonwebservices.com.cn",
        };
        Ok(format!("https://{}{fips}.{region}.{domain}", self.name))
    }

    /// Signs every attempt, and tries again what the service says is worth it.
    fn signing(&self, aws: &SdkConfig) -> Result<StaticRuntimePlugin, BoxError> {
        let credentials = aws.credentials_provider().ok_or("there are no AWS credentials")?;
        let mut config = Layer::new("signing");
        config.store_put(AuthSchemeOptionResolverParams::new(()));
        config.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(aws_types::region::Region::new(region(aws)?))),
            name: Some(SigningName::from_static(self.name)),
            ..SigV4OperationSigningConfig::default()
        });
        let components = RuntimeComponentsBuilder::new("signing")
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![
                SCHEME_ID,
            ])))
            .with_identity_cache(aws.identity_cache())
            .with_identity_resolver(SCHEME_ID, credentials)
            .with_retry_classifier(TransientErrorClassifier::<Refusal>::new())
            .with_retry_classifier(AwsErrorCodeClassifier::<Refusal>::new());
        Ok(StaticRuntimePlugin::new()
            .with_config(config.freeze())
            .with_runtime_components(components))
    }
}

fn region(aws: &SdkConfig) -> Result<String, BoxError> {
    Ok(aws.region().map(ToString::to_string).ok_or("no AWS region is set")?)
}

#[cfg(test)]
mod tests {
    use aws_config::Region;

    use super::*;

    const SERVICE: Service = Service { id: "RDS", name: "rds" };

    #[test]
    fn a_service_is_where_its_region_is_unless_an_address_is_configured() {
        let at = |region| SdkConfig::builder().region(Region::new(region));
        let endpoint = |aws: SdkConfig| SERVICE.endpoint(&aws).unwrap();
        assert_eq!(endpoint(at("eu-central-1").build()), "https://rds.eu-central-1.amazonaws.com");
        assert_eq!(endpoint(at("cn-north-1").build()), "https://rds.cn-north-1.amazonaws.com.cn");
        assert_eq!(
            endpoint(at("us-east-1").use_fips(true).build()),
            "https://rds-fips.us-east-1.amazonaws.com"
        );
        assert_eq!(
            endpoint(at("us-east-1").use_dual_stack(true).build()),
            "https://rds.us-east-1.api.aws"
        );
        let local = at("us-east-1").endpoint_url("http://127.0.0.1:4566/").build();
        assert_eq!(endpoint(local), "http://127.0.0.1:4566");
    }

    #[tokio::test]
    async fn a_call_without_a_region_says_so() {
        let request = Request {
            method: "GET",
            path: "/".to_owned(),
            content_type: "text/plain",
            headers: vec![],
            body: vec![],
        };
        let aws = SdkConfig::builder().build();
        let failure = SERVICE.call(&aws, "Any", request, |_| Ok(())).await.unwrap_err();
        let text = format!("{:?}", failure.into_source().unwrap());
        assert!(text.contains("no AWS region is set"), "{text}");
    }
}
