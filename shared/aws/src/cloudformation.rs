//! CloudFormation: what a stack gives out.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_smithy_xml::decode::{ScopedDecoder, XmlDecodeError, try_data};

use crate::query;
use crate::service::{Outcome, Service};
use crate::xml::walk;

const SERVICE: Service = Service { id: "CloudFormation", name: "cloudformation" };
const VERSION: &str = "2010-05-15";

/// A stack as `DescribeStacks` tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack {
    /// Such as `CREATE_COMPLETE`.
    pub status: String,
    pub outputs: BTreeMap<String, String>,
}

/// `DescribeStacks`: the stack with this name, if the answer has it.
///
/// # Errors
/// `ValidationError` when there is no such stack; whatever else CloudFormation refuses.
pub async fn stack(aws: &SdkConfig, name: &str) -> Outcome<Option<Stack>> {
    let parameters = [("StackName", name)];
    query::call(SERVICE, aws, (VERSION, "DescribeStacks"), &parameters, read_stack).await
}

/// The first stack of an answer.
fn read_stack(root: &mut ScopedDecoder<'_, '_>) -> Result<Option<Stack>, XmlDecodeError> {
    let mut found = None;
    walk(root, &["DescribeStacksResult", "Stacks", "member"], &mut |member| {
        let mut stack = Stack::default();
        while let Some(mut part) = member.next_tag() {
            match part.start_el().local() {
                "StackStatus" => stack.status = try_data(&mut part)?.into_owned(),
                "Outputs" => walk(&mut part, &["member"], &mut |output| {
                    let (name, value) = read_output(output)?;
                    stack.outputs.insert(name, value);
                    Ok(())
                })?,
                _ => {}
            }
        }
        found.get_or_insert(stack);
        Ok(())
    })?;
    Ok(found)
}

fn read_output(output: &mut ScopedDecoder<'_, '_>) -> Result<(String, String), XmlDecodeError> {
    let (mut name, mut value) = (String::new(), String::new());
    while let Some(mut part) = output.next_tag() {
        let place = match part.start_el().local() {
            "OutputKey" => &mut name,
            "OutputValue" => &mut value,
            _ => continue,
        };
        *place = try_data(&mut part)?.into_owned();
    }
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use aws_smithy_xml::decode::Document;

    use super::*;

    #[test]
    fn a_stack_is_its_status_and_its_outputs() {
        let text = r#"<DescribeStacksResponse
            xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks>
            <member><StackName>shopflow-dev</StackName><StackStatus>UPDATE_COMPLETE</StackStatus>
            <Parameters><member><ParameterKey>Environment</ParameterKey></member></Parameters>
            <Outputs>
              <member><Description>raw &lt;files&gt;</Description><OutputKey>LandingBucket</OutputKey>
                <OutputValue>landing</OutputValue></member>
              <member><OutputKey>Site</OutputKey><OutputValue>https://x/?a=1&amp;b=2</OutputValue>
                <ExportName>site</ExportName></member>
            </Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"#;
        let mut document = Document::new(text);
        let stack = read_stack(&mut document.root_element().unwrap()).unwrap().unwrap();
        assert_eq!(stack.status, "UPDATE_COMPLETE");
        let expected = [("LandingBucket", "landing"), ("Site", "https://x/?a=1&b=2")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(stack.outputs, BTreeMap::from(expected));
    }

    #[test]
    fn an_answer_without_stacks_has_none() {
        let text = "<DescribeStacksResponse><DescribeStacksResult><Stacks/></DescribeStacksResult>\
            </DescribeStacksResponse>";
        let mut document = Document::new(text);
        assert_eq!(read_stack(&mut document.root_element().unwrap()).unwrap(), None);
    }
}
