//! Lambda functions of the tests: deployed from the handlers in `tests/functions`, under names of each test's own.

use std::path::PathBuf;

use anyhow::{Context, bail};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Environment, FunctionCode, Runtime};

use crate::aws::Api;
use crate::emulator::{ACCOUNT, Emulator, REGION};
use crate::principals::Principals;

mod archive;

use archive::archive;

/// The handlers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handler {
    /// `echo.py`: what the function was given, as JSON.
    Echo,
    /// `status.py`: a 404 of the function's own, with a header and two cookies.
    Status,
    /// `failing.py`: raises.
    Failing,
    /// `large.py`: `?size=` bytes.
    Large,
    /// `slow.py`: works for `?seconds=`.
    Slow,
    /// `hello.js`: Node.
    Hello,
}

impl Handler {
    fn source(self) -> (&'static str, &'static str) {
        match self {
            Self::Echo => ("echo.py", include_str!("../functions/echo.py")),
            Self::Status => ("status.py", include_str!("../functions/status.py")),
            Self::Failing => ("failing.py", include_str!("../functions/failing.py")),
            Self::Large => ("large.py", include_str!("../functions/large.py")),
            Self::Slow => ("slow.py", include_str!("../functions/slow.py")),
            Self::Hello => ("hello.js", include_str!("../functions/hello.js")),
        }
    }
}

const INVOCATIONS: (&str, &str) = ("invocations.py", include_str!("../functions/invocations.py"));

/// Deploys functions as the administrator.
#[derive(Debug, Clone)]
pub struct Functions {
    client: aws_sdk_lambda::Client,
    api: Api,
    role: String,
    invocations: PathBuf,
}

impl Functions {
    /// Against the emulator itself: set-up is no traffic that a gate should count.
    pub fn new(emulator: &Emulator, principals: &Principals) -> Self {
        Self {
            client: client(&emulator.endpoint(), &principals.admin.credentials),
            api: Api::new(emulator.address(), principals.admin.credentials.clone(), REGION),
            role: principals.execution_role.clone(),
            invocations: emulator.invocations(),
        }
    }

    /// Creates a function. `name` must be the test's own.
    pub async fn deploy(&self, name: &str, handler: Handler) -> anyhow::Result<Function> {
        let marks = self.invocations.join(name);
        tokio::fs::write(&marks, "").await?;
        let (file, text) = handler.source();
        let stem = file.split('.').next().unwrap_or(file);
        self.client
            .create_function()
            .function_name(name)
            .runtime(if file.ends_with(".js") { Runtime::Nodejs22x } else { Runtime::Python312 })
            .handler(format!("{stem}.handler"))
            .role(&self.role)
            .timeout(65)
            .code(FunctionCode::builder().zip_file(Blob::new(archive(&[(file, text), INVOCATIONS]))).build())
            .environment(
                Environment::builder()
                    .variables("INVOCATIONS_FILE", marks.to_string_lossy())
                    .variables("FUNCTION_LABEL", name)
                    .build(),
            )
            .send()
            .await
            .with_context(|| format!("create the function {name}"))?;
        Ok(Function { name: name.to_owned(), marks, functions: self.clone() })
    }

    /// The administrator's SDK client, for what a test does to a function by itself.
    pub fn client(&self) -> &aws_sdk_lambda::Client {
        &self.client
    }

    /// The administrator's raw calls.
    pub fn api(&self) -> &Api {
        &self.api
    }
}

/// An SDK client for some principal at some endpoint, without retries, and without the shell's HTTP_PROXY.
pub fn client(endpoint: &str, credentials: &crate::credentials::AwsCredentials) -> aws_sdk_lambda::Client {
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version(aws_sdk_lambda::config::BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(aws_sdk_lambda::config::Region::new(REGION))
        .credentials_provider(credentials.provider())
        .retry_config(aws_sdk_lambda::config::retry::RetryConfig::disabled())
        .build();
    aws_sdk_lambda::Client::from_conf(config)
}

/// A deployed function.
#[derive(Debug, Clone)]
pub struct Function {
    name: String,
    marks: PathBuf,
    functions: Functions,
}

impl Function {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its unqualified ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", self.name)
    }

    /// Its ARN with an alias.
    pub fn qualified_arn(&self, alias: &str) -> String {
        format!("{}:{alias}", self.arn())
    }

    /// Publishes the code as a version and answers its number.
    pub async fn publish(&self) -> anyhow::Result<String> {
        let answer = self.functions.client.publish_version().function_name(&self.name).send().await?;
        Ok(answer.version().context("no version number")?.to_owned())
    }

    /// Points an alias at a version (`$LATEST` or a number), creating it if need be.
    pub async fn alias(&self, alias: &str, version: &str) -> anyhow::Result<()> {
        let client = &self.functions.client;
        let created =
            client.create_alias().function_name(&self.name).name(alias).function_version(version).send().await;
        match created {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_conflict_exception()) => {
                client.update_alias().function_name(&self.name).name(alias).function_version(version).send().await?;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes an alias away, with its URL config, as AWS does.
    pub async fn delete_alias(&self, alias: &str) -> anyhow::Result<()> {
        let client = &self.functions.client;
        ignore_missing(client.delete_function_url_config().function_name(&self.name).qualifier(alias).send().await)?;
        client.delete_alias().function_name(&self.name).name(alias).send().await?;
        Ok(())
    }

    /// Deletes the function with its URL configs and its policy, as AWS does (the emulator alone would keep the URLs).
    pub async fn delete(&self) -> anyhow::Result<()> {
        let client = &self.functions.client;
        let aliases = client.list_aliases().function_name(&self.name).send().await?;
        for alias in aliases.aliases().iter().filter_map(|alias| alias.name()) {
            self.delete_alias(alias).await?;
        }
        ignore_missing(client.delete_function_url_config().function_name(&self.name).send().await)?;
        client.delete_function().function_name(&self.name).send().await?;
        Ok(())
    }

    /// How often it ran, whoever called it. Counted by the handler itself at its start.
    pub async fn invocations(&self) -> anyhow::Result<usize> {
        let marks = tokio::fs::read_to_string(&self.marks).await.context("read the marks of the invocations")?;
        Ok(marks.lines().count())
    }

    /// The URL that AWS gave it, as the administrator sees it. `None`: it has none.
    pub async fn url(&self, alias: Option<&str>) -> anyhow::Result<Option<String>> {
        let query = alias.map(|alias| format!("?Qualifier={alias}")).unwrap_or_default();
        let target = format!("/2021-10-31/functions/{}/url{query}", self.name);
        let answer = self.functions.api.lambda(http::Method::GET, &target, &serde_json::Value::Null).await?;
        match answer.status().as_u16() {
            200 => {
                let config: serde_json::Value = serde_json::from_slice(answer.body())?;
                Ok(config["FunctionUrl"].as_str().map(str::to_owned))
            }
            404 => Ok(None),
            status => bail!("GetFunctionUrlConfig answered {status}: {}", String::from_utf8_lossy(answer.body())),
        }
    }
}

fn ignore_missing<T, E>(
    result: Result<T, aws_sdk_lambda::error::SdkError<E>>,
) -> Result<(), aws_sdk_lambda::error::SdkError<E>>
where
    E: aws_sdk_lambda::error::ProvideErrorMetadata,
{
    match result {
        Err(error) if error.as_service_error().and_then(|error| error.code()) != Some("ResourceNotFoundException") => {
            Err(error)
        }
        _ => Ok(()),
    }
}
