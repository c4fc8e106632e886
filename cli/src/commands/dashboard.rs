//! `dashboard`: a link to the live page.

use std::process::ExitCode;

use chrono::Utc;
use shopflow_core::{Result, signed_link};
use shopflow_postgres::secret;

use super::opener::open;
use crate::args::Dashboard;
use crate::target::Target;

/// Makes a link that is good for a while, and prints it.
pub async fn dashboard(arguments: &Dashboard) -> Result<ExitCode> {
    let target = Target::open(&arguments.environment.name).await?;
    let url = reachable(target.stack.output("DashboardUrl")?, target.aws.endpoint_url());
    let minutes = target.settings("dashboard").await?.dashboard.link_minutes;
    let secret = secret::read(&target.aws, target.stack.output("DashboardSecretArn")?).await?;
    let expiry = Utc::now().timestamp().saturating_add_unsigned(minutes.saturating_mul(60));
    let link = link(&url, &signed_link::sign(&secret, expiry)?);
    println!("{link}");
    eprintln!("it is good for {minutes} minutes, for whoever has it");
    if arguments.open && !open(&link) {
        eprintln!("no program was found that opens pages: open the address in a browser");
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the function is reached: an emulator has the addresses of functions below its own.
fn reachable(url: &str, endpoint: Option<&str>) -> String {
    let host = url.split_once("://").map_or(url, |(_, host)| host);
    match (endpoint, host.split_once(".lambda-url.")) {
        (Some(endpoint), Some((id, _))) => {
            format!("{}/_aws/lambda-url/{id}/", endpoint.trim_end_matches('/'))
        }
        (Some(_) | None, _) => url.to_owned(),
    }
}

fn link(url: &str, token: &str) -> String {
    let slash = if url.ends_with('/') { "" } else { "/" };
    format!("{url}{slash}?token={token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://abc123.lambda-url.eu-central-1.on.aws/";

    #[test]
    fn on_aws_the_address_is_that_of_the_function() {
        assert_eq!(reachable(URL, None), URL);
        assert_eq!(link(URL, "1.x"), format!("{URL}?token=1.x"));
        assert_eq!(link(URL.trim_end_matches('/'), "1.x"), format!("{URL}?token=1.x"));
    }

    #[test]
    fn on_the_local_cloud_it_is_below_that_of_the_emulator() {
        for endpoint in ["http://127.0.0.1:4566", "http://127.0.0.1:4566/"] {
            let url = reachable(URL, Some(endpoint));
            assert_eq!(url, "http://127.0.0.1:4566/_aws/lambda-url/abc123/");
        }
        let own = "http://127.0.0.1:9000/";
        assert_eq!(reachable(own, Some("http://127.0.0.1:4566")), own);
    }
}
