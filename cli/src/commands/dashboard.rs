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
    let url = target.stack.function_url("DashboardUrl", target.aws.endpoint_url())?;
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

fn link(url: &str, token: &str) -> String {
    let slash = if url.ends_with('/') { "" } else { "/" };
    format!("{url}{slash}?token={token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://abc123.lambda-url.eu-central-1.on.aws/";

    #[test]
    fn a_link_is_an_address_with_a_token() {
        assert_eq!(link(URL, "1.x"), format!("{URL}?token=1.x"));
        assert_eq!(link(URL.trim_end_matches('/'), "1.x"), format!("{URL}?token=1.x"));
    }
}
