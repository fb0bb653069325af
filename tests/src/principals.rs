//! The IAM principals of a run: an administrator for set-up, the controller's role with exactly the policy that
//! `docs/iam.md` tells operators to give it, and the proxies' role with none (it lives from the functions' statements).

use std::net::SocketAddr;

use anyhow::{Context, ensure};

use crate::aws::{Api, element};
use crate::credentials::{AwsCredentials, Identity, KnownKeys};
use crate::emulator::{ACCOUNT, REGION};

const DOCUMENT: &str = include_str!("../../docs/iam.md");
const IAM: &str = "2010-05-08";
const STS: &str = "2011-06-15";
/// The longest that IAM allows a role session to be, so that a demo outlives a day's work.
const SESSION_SECONDS: &str = "43200";

/// A principal and its credentials.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The ARN that policies name: the role's, not the session's.
    pub arn: String,
    /// A session of it, twelve hours long.
    pub credentials: AwsCredentials,
}

/// All principals of a run.
#[derive(Debug, Clone)]
pub struct Principals {
    /// May everything. For set-up and for foreigners who interfere.
    pub admin: Principal,
    /// The controller's.
    pub controller: Principal,
    /// The proxies'.
    pub proxies: Principal,
    /// A role with no policy that nobody grants anything to.
    pub stranger: Principal,
    /// The execution role of the functions.
    pub execution_role: String,
    /// What the gate and the origin know about access keys.
    pub keys: KnownKeys,
}

impl Principals {
    /// Creates the roles, named after `run` so that runs on one emulator never meet, and assumes them.
    pub async fn create(emulator: SocketAddr, admin: &AwsCredentials, run: &str) -> anyhow::Result<Self> {
        let api = Api::new(emulator, admin.clone(), REGION);
        let controller =
            role(&api, &format!("lambdaroute-controller-{run}"), Some(&controller_policy(ACCOUNT)?)).await?;
        let proxies = role(&api, &format!("lambdaroute-proxies-{run}"), None).await?;
        let stranger = role(&api, &format!("stranger-{run}"), None).await?;
        let execution_role = create_role(&api, &format!("functions-{run}"), "lambda.amazonaws.com").await?;
        let admin = Principal { arn: format!("arn:aws:iam::{ACCOUNT}:root"), credentials: admin.clone() };
        let keys = KnownKeys::default();
        for (principal, may_invoke) in [(&admin, true), (&controller, false), (&proxies, false), (&stranger, false)] {
            let (credentials, arn) = (principal.credentials.clone(), principal.arn.clone());
            keys.add(Identity { credentials, arn, may_invoke });
        }
        Ok(Self { admin, controller, proxies, stranger, execution_role, keys })
    }

    /// Another role for a controller, with a policy of its own.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn controller_with(&self, emulator: SocketAddr, name: &str, policy: &str) -> anyhow::Result<Principal> {
        let api = Api::new(emulator, self.admin.credentials.clone(), REGION);
        let principal = role(&api, &format!("lambdaroute-controller-{name}"), Some(policy)).await?;
        let (credentials, arn) = (principal.credentials.clone(), principal.arn.clone());
        self.keys.add(Identity { credentials, arn, may_invoke: false });
        Ok(principal)
    }

    /// Gives a role another policy in place of the one that it has.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn set_policy(&self, emulator: SocketAddr, role: &Principal, policy: &str) -> anyhow::Result<()> {
        put_policy(&Api::new(emulator, self.admin.credentials.clone(), REGION), role_name(&role.arn), policy).await
    }

    /// The names of a role's own policies.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn policies(&self, emulator: SocketAddr, role_arn: &str) -> anyhow::Result<Vec<String>> {
        let api = Api::new(emulator, self.admin.credentials.clone(), REGION);
        let answer =
            api.query("iam", IAM, &[("Action", "ListRolePolicies"), ("RoleName", role_name(role_arn))]).await?;
        let members = answer.split("<member>").skip(1).filter_map(|rest| rest.split("</member>").next());
        Ok(members.map(str::to_owned).collect())
    }
}

/// The controller's policy as `docs/iam.md` has it, for an account.
pub fn controller_policy(account: &str) -> anyhow::Result<String> {
    let section = DOCUMENT.split("## The controller's policy").nth(1).context("docs/iam.md lost its policy section")?;
    let text = section
        .split("```json")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .context("docs/iam.md has no policy under its heading")?;
    ensure!(text.contains("ACCOUNT"), "the policy in docs/iam.md names no ACCOUNT to replace");
    let policy: serde_json::Value = serde_json::from_str(&text.replace("ACCOUNT", account))?;
    Ok(policy.to_string())
}

async fn role(api: &Api, name: &str, policy: Option<&str>) -> anyhow::Result<Principal> {
    let arn = create_role(api, name, &format!("arn:aws:iam::{ACCOUNT}:root")).await?;
    if let Some(policy) = policy {
        put_policy(api, name, policy).await?;
    }
    let credentials = assume(api, &arn).await?;
    Ok(Principal { arn, credentials })
}

async fn put_policy(api: &Api, role: &str, policy: &str) -> anyhow::Result<()> {
    let parameters =
        [("Action", "PutRolePolicy"), ("RoleName", role), ("PolicyName", "controller"), ("PolicyDocument", policy)];
    api.query("iam", IAM, &parameters).await?;
    Ok(())
}

fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

async fn create_role(api: &Api, name: &str, trusted: &str) -> anyhow::Result<String> {
    let kind = if trusted.starts_with("arn:") { "AWS" } else { "Service" };
    let trust = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {kind: trusted}, "Action": "sts:AssumeRole"}],
    });
    let parameters = [
        ("Action", "CreateRole"),
        ("RoleName", name),
        ("MaxSessionDuration", SESSION_SECONDS),
        ("AssumeRolePolicyDocument", &trust.to_string()),
    ];
    let answer = api.query("iam", IAM, &parameters).await?;
    Ok(element(&answer, "Arn").context("CreateRole answered no ARN")?.to_owned())
}

async fn assume(api: &Api, role: &str) -> anyhow::Result<AwsCredentials> {
    let parameters = [
        ("Action", "AssumeRole"),
        ("RoleArn", role),
        ("RoleSessionName", "tests"),
        ("DurationSeconds", SESSION_SECONDS),
    ];
    let answer = api.query("sts", STS, &parameters).await?;
    session(&answer).context("AssumeRole answered no credentials")
}

/// The credentials in an answer of STS.
pub fn session(answer: &str) -> Option<AwsCredentials> {
    Some(AwsCredentials {
        access_key_id: element(answer, "AccessKeyId")?.to_owned(),
        secret_access_key: element(answer, "SecretAccessKey")?.to_owned(),
        session_token: element(answer, "SessionToken").map(str::to_owned),
    })
}
