//! What a stack's functions have in AWS, seen and changed by the administrator through the gate, which keeps AWS's rules.

use anyhow::{Context, bail};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Stack;
use crate::aws::Api;
use crate::emulator::REGION;
use crate::functions::Function;
use crate::principals::Principal;
use crate::wait;

impl Stack {
    fn admin(&self) -> Api {
        Api::new(self.aws.address(), self.principals().admin.credentials.clone(), REGION)
    }

    /// The statements of a policy, in AWS's order.
    ///
    /// # Errors
    /// When AWS answers neither a policy nor that there is none.
    pub async fn statements(&self, function: &Function, alias: Option<&str>) -> anyhow::Result<Vec<Value>> {
        let target = format!("/2015-03-31/functions/{}/policy{}", function.name(), qualifier(alias));
        let answer = self.admin().lambda(Method::GET, &target, &Value::Null).await?;
        match answer.status() {
            StatusCode::OK => {
                let answer: Value = serde_json::from_slice(answer.body())?;
                let policy: Value =
                    serde_json::from_str(answer["Policy"].as_str().context("no policy in the answer")?)?;
                Ok(policy["Statement"].as_array().cloned().unwrap_or_default())
            }
            StatusCode::NOT_FOUND => Ok(vec![]),
            status => bail!("GetPolicy answered {status}: {}", String::from_utf8_lossy(answer.body())),
        }
    }

    /// Takes a statement away.
    ///
    /// # Errors
    /// When AWS refuses.
    pub async fn remove_statement(&self, function: &Function, alias: Option<&str>, sid: &str) -> anyhow::Result<()> {
        let target = format!("/2015-03-31/functions/{}/policy/{sid}{}", function.name(), qualifier(alias));
        self.done(Method::DELETE, &target, &Value::Null).await.map(drop)
    }

    /// A statement that somebody else put on the function.
    ///
    /// # Errors
    /// When AWS refuses.
    pub async fn add_foreign_statement(&self, function: &Function, sid: &str) -> anyhow::Result<()> {
        let target = format!("/2015-03-31/functions/{}/policy", function.name());
        let statement = json!({"StatementId": sid, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"});
        self.done(Method::POST, &target, &statement).await.map(drop)
    }

    /// A statement of any kind, as AddPermission is given it.
    ///
    /// # Errors
    /// When AWS refuses.
    pub async fn add_statement(&self, function: &Function, statement: &Value) -> anyhow::Result<()> {
        let target = format!("/2015-03-31/functions/{}/policy", function.name());
        self.done(Method::POST, &target, statement).await.map(drop)
    }

    /// A URL config that somebody else made; gives its URL.
    ///
    /// # Errors
    /// When AWS refuses.
    pub async fn create_foreign_url(&self, function: &Function, auth_type: &str) -> anyhow::Result<String> {
        self.create_foreign_url_at(function, None, auth_type).await
    }

    /// A URL config that somebody else made at an alias; gives its URL.
    ///
    /// # Errors
    /// When AWS refuses.
    pub async fn create_foreign_url_at(
        &self,
        function: &Function,
        alias: Option<&str>,
        auth_type: &str,
    ) -> anyhow::Result<String> {
        let target = format!("/2021-10-31/functions/{}/url{}", function.name(), qualifier(alias));
        let config = self.done(Method::POST, &target, &json!({"AuthType": auth_type})).await?;
        Ok(config["FunctionUrl"].as_str().context("no URL in the answer")?.to_owned())
    }

    /// Deletes a URL config as somebody else would.
    ///
    /// # Errors
    /// When AWS refuses.
    pub async fn delete_foreign_url(&self, function: &Function) -> anyhow::Result<()> {
        let target = format!("/2021-10-31/functions/{}/url", function.name());
        self.done(Method::DELETE, &target, &Value::Null).await.map(drop)
    }

    /// Deletes the URL config and makes another one, as somebody else would, a second later at least: AWS's CreationTime differs.
    ///
    /// # Errors
    /// When AWS refuses.
    pub async fn replace_url(&self, function: &Function) -> anyhow::Result<()> {
        let target = format!("/2021-10-31/functions/{}/url", function.name());
        let before = self.url_config(function, "CreationTime").await?;
        wait::eventually("another CreationTime", async || {
            self.done(Method::DELETE, &target, &Value::Null).await?;
            self.create_foreign_url(function, "AWS_IAM").await?;
            Ok((self.url_config(function, "CreationTime").await? != before).then_some(()))
        })
        .await
    }

    /// Changes a URL config as somebody else would.
    ///
    /// # Errors
    /// When AWS refuses.
    pub async fn update_foreign_url(&self, function: &Function, config: &Value) -> anyhow::Result<()> {
        let target = format!("/2021-10-31/functions/{}/url", function.name());
        self.done(Method::PUT, &target, config).await.map(drop)
    }

    /// The URL config's auth type. None: there is no URL config.
    ///
    /// # Errors
    /// When AWS can't be asked.
    pub async fn auth_type(&self, function: &Function) -> anyhow::Result<Option<String>> {
        Ok(self.url_config(function, "AuthType").await?.as_str().map(str::to_owned))
    }

    /// The URL config's invoke mode. None: there is no URL config.
    ///
    /// # Errors
    /// When AWS can't be asked.
    pub async fn invoke_mode(&self, function: &Function) -> anyhow::Result<Option<String>> {
        Ok(self.url_config(function, "InvokeMode").await?.as_str().map(str::to_owned))
    }

    /// The URL config's CORS. Null: there is none.
    ///
    /// # Errors
    /// When AWS can't be asked.
    pub async fn cors(&self, function: &Function) -> anyhow::Result<Value> {
        self.url_config(function, "Cors").await
    }

    async fn url_config(&self, function: &Function, field: &str) -> anyhow::Result<Value> {
        let target = format!("/2021-10-31/functions/{}/url", function.name());
        let answer = self.admin().lambda(Method::GET, &target, &Value::Null).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(Value::Null);
        }
        let mut config: Value = serde_json::from_slice(answer.body())?;
        Ok(config[field].take())
    }

    /// Calls a function URL straight at AWS, signed by a principal.
    ///
    /// # Errors
    /// When AWS can't be reached.
    pub async fn call_as(&self, principal: &Principal, url: &str) -> anyhow::Result<StatusCode> {
        let host = url.trim_start_matches("https://").trim_end_matches('/');
        let request = http::Request::get("/").body(bytes::Bytes::new())?;
        let api = Api::new(self.aws.address(), principal.credentials.clone(), REGION);
        Ok(api.call_url(host, request).await?.status())
    }

    /// Calls a function URL as anybody on the internet would: unsigned, straight at AWS.
    ///
    /// # Errors
    /// When AWS can't be reached.
    pub async fn call_unsigned(&self, url: &str) -> anyhow::Result<StatusCode> {
        let host = url.trim_start_matches("https://").trim_end_matches('/');
        let request = http::Request::get("/").body(bytes::Bytes::new())?;
        Ok(self.admin().call_url_unsigned(host, request).await?.status())
    }

    async fn done(&self, method: Method, target: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.admin().lambda(method.clone(), target, body).await?;
        if !answer.status().is_success() {
            bail!("{method} {target} answered {}: {}", answer.status(), String::from_utf8_lossy(answer.body()));
        }
        Ok(serde_json::from_slice(answer.body()).unwrap_or_default())
    }
}

fn qualifier(alias: Option<&str>) -> String {
    alias.map(|alias| format!("?Qualifier={alias}")).unwrap_or_default()
}
