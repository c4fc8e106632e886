//! A deployed stack: the names its template gives out.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use shopflow_aws::cloudformation;
use shopflow_core::{Error, ErrorKind, Result};

/// The outputs of stack `shopflow-<environment>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    environment: String,
    outputs: BTreeMap<String, String>,
}

impl Stack {
    /// A stack whose outputs are known.
    pub fn new(environment: &str, outputs: BTreeMap<String, String>) -> Stack {
        Stack { environment: environment.to_owned(), outputs }
    }

    /// Asks CloudFormation.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such stack, or when its deployment failed.
    pub async fn read(aws: &SdkConfig, environment: &str) -> Result<Stack> {
        let name = format!("shopflow-{environment}");
        let answer = cloudformation::stack(aws, &name).await.map_err(|error| {
            Error::aws(ErrorKind::TransientService, "describe stack", error)
                .with("stack", &name)
                .hint("deploy it first (docs/deployment.md) and check account and region")
        })?;
        let stack =
            answer.ok_or_else(|| Error::invalid("there is no such stack").with("stack", &name))?;
        if !is_deployed(&stack.status) {
            return Err(Error::invalid("the stack is not deployed")
                .with("stack", &name)
                .with("status", stack.status)
                .hint("wait for its deployment, or look at its events in CloudFormation"));
        }
        Ok(Stack { environment: environment.to_owned(), outputs: stack.outputs })
    }

    /// `local`, `dev`, `staging` or `prod`.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// The name of the stack.
    pub fn name(&self) -> String {
        format!("shopflow-{}", self.environment)
    }

    /// Every output.
    pub fn outputs(&self) -> &BTreeMap<String, String> {
        &self.outputs
    }

    /// The name of a function: `shopflow-<environment>-<function>`.
    pub fn function(&self, function: &str) -> String {
        Stack::function_name(&self.environment, function)
    }

    /// [`Stack::function`] of a stack that is not at hand.
    pub fn function_name(environment: &str, function: &str) -> String {
        format!("shopflow-{environment}-{function}")
    }

    /// One output.
    ///
    /// # Errors
    /// `InvalidInput` when the stack has no such output.
    pub fn output(&self, name: &str) -> Result<&str> {
        self.outputs.get(name).map(String::as_str).ok_or_else(|| {
            Error::invalid("the stack lacks an output")
                .with("stack", self.name())
                .with("output", name)
                .hint("deploy the current template.yaml")
        })
    }

    /// The address of a function URL that `output` names. The emulator at `endpoint` answers for all of
    /// them below its own address; without one it is that of AWS. It ends with a slash.
    ///
    /// # Errors
    /// As [`Stack::output`], and `Internal` when the output is no address.
    pub fn function_url(&self, output: &str, endpoint: Option<&str>) -> Result<String> {
        let url = self.output(output)?;
        let Some(endpoint) = endpoint else { return Ok(url.to_owned()) };
        let host = url.strip_prefix("https://").and_then(|rest| rest.split_once('.'));
        let (id, _) = host.ok_or_else(|| {
            Error::internal("the output is no function URL").with("output", output)
        })?;
        Ok(format!("{}/_aws/lambda-url/{id}/", endpoint.trim_end_matches('/')))
    }

    /// The bucket files land in.
    ///
    /// # Errors
    /// As [`Stack::output`].
    pub fn landing(&self) -> Result<&str> {
        self.output("LandingBucket")
    }

    /// The bucket of the lake.
    ///
    /// # Errors
    /// As [`Stack::output`].
    pub fn lake(&self) -> Result<&str> {
        self.output("LakeBucket")
    }

    /// The bucket of the reports.
    ///
    /// # Errors
    /// As [`Stack::output`].
    pub fn reports(&self) -> Result<&str> {
        self.output("ReportsBucket")
    }

    /// The state machine of the pipeline.
    ///
    /// # Errors
    /// As [`Stack::output`].
    pub fn pipeline(&self) -> Result<&str> {
        self.output("PipelineStateMachineArn")
    }

    /// The state machine of the backfill.
    ///
    /// # Errors
    /// As [`Stack::output`].
    pub fn backfill(&self) -> Result<&str> {
        self.output("BackfillStateMachineArn")
    }
}

/// A rolled back first deployment leaves a stack without resources; a rolled back update leaves
/// the stack as it was before.
fn is_deployed(status: &str) -> bool {
    matches!(
        status,
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_COMPLETE"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_output_names_the_stack_and_the_output() {
        let stack = Stack::new("dev", BTreeMap::new());
        let text = stack.landing().unwrap_err().to_string();
        assert!(text.contains("stack=shopflow-dev, output=LandingBucket"), "{text}");
    }

    #[test]
    fn a_function_url_is_below_the_address_of_the_emulator() {
        let url = "https://0a1b.lambda-url.us-east-1.on.aws/";
        let outputs = BTreeMap::from([
            ("CollectUrl".to_owned(), url.to_owned()),
            ("LakeBucket".to_owned(), "lake".to_owned()),
        ]);
        let stack = Stack::new("local", outputs);
        assert_eq!(stack.function_url("CollectUrl", None).unwrap(), url);
        let local = stack.function_url("CollectUrl", Some("http://127.0.0.1:4566")).unwrap();
        assert_eq!(local, "http://127.0.0.1:4566/_aws/lambda-url/0a1b/");
        let error = stack.function_url("LakeBucket", Some("http://127.0.0.1:4566")).unwrap_err();
        assert!(error.to_string().contains("no function URL"), "{error}");
    }

    #[test]
    fn a_failed_first_deployment_is_not_a_stack_to_work_with() {
        assert!(is_deployed("UPDATE_ROLLBACK_COMPLETE"));
        assert!(!is_deployed("ROLLBACK_COMPLETE"));
        assert!(!is_deployed("CREATE_IN_PROGRESS"));
    }
}
