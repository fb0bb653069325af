//! Facts of the control plane: permissions and URL configs.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::facts::Fact;
use super::lambda::{Lambda, shown};

const URL: &str = "lambda:InvokeFunctionUrl";
const FUNCTION: &str = "lambda:InvokeFunction";

/// What AddPermission takes and what AWS makes of it. Leaves no statement.
pub(super) async fn permissions(lambda: &Lambda, facts: &mut Vec<Fact>) -> anyhow::Result<()> {
    let early = lambda.add("early", json!({"Action": URL, "Principal": "*", "FunctionUrlAuthType": "AWS_IAM"})).await?;
    facts.push(Fact::judged(
        "AddPermission for the URL before there is a URL config",
        "201",
        shown(&early),
        early.status() == StatusCode::CREATED,
    ));
    let again = lambda.add("early", json!({"Action": URL, "Principal": "*", "FunctionUrlAuthType": "AWS_IAM"})).await?;
    facts.push(Fact::judged(
        "the same Sid again",
        "409 ResourceConflictException",
        shown(&again),
        again.status() == StatusCode::CONFLICT,
    ));
    let via = lambda.add("via", json!({"Action": FUNCTION, "Principal": "*", "InvokedViaFunctionUrl": true})).await?;
    let statement = statement(&via);
    facts.push(Fact::judged(
        "the condition of InvokedViaFunctionUrl",
        "Bool, \"true\" as a string",
        statement["Condition"].to_string(),
        statement["Condition"] == json!({"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}),
    ));
    facts.push(Fact::judged(
        "principal *",
        "a bare string",
        statement["Principal"].to_string(),
        statement["Principal"] == "*",
    ));
    let wrong =
        lambda.add("wrong", json!({"Action": FUNCTION, "Principal": "*", "FunctionUrlAuthType": "NONE"})).await?;
    facts.push(Fact::judged(
        "FunctionUrlAuthType with another action",
        "400 InvalidParameterValueException",
        shown(&wrong),
        wrong.status() == StatusCode::BAD_REQUEST,
    ));
    let dotted = lambda.add("a.b", json!({"Action": FUNCTION, "Principal": "s3.amazonaws.com"})).await?;
    facts.push(Fact::judged(
        "a Sid with a dot",
        "400 ValidationException",
        shown(&dotted),
        dotted.status() == StatusCode::BAD_REQUEST,
    ));
    let fields = json!({"Action": FUNCTION, "Principal": "s3.amazonaws.com", "SourceAccount": "123456789012"});
    let service = self::statement(&lambda.add("service", fields).await?);
    facts.push(Fact::judged(
        "a service as principal",
        "{\"Service\": …}",
        service["Principal"].to_string(),
        service["Principal"] == json!({"Service": "s3.amazonaws.com"}),
    ));
    facts.push(Fact::told("the condition of SourceAccount", service["Condition"].to_string()));
    let stale = json!({"Action": FUNCTION, "Principal": "s3.amazonaws.com", "RevisionId": "00000000-0000-4000-8000-000000000000"});
    let stale = lambda.add("stale", stale).await?;
    facts.push(Fact::judged(
        "a RevisionId that isn't the latest",
        "412 PreconditionFailedException",
        shown(&stale),
        stale.status() == StatusCode::PRECONDITION_FAILED,
    ));
    let order: Vec<String> = lambda.statements().await?.iter().map(|it| it["Sid"].to_string()).collect();
    facts.push(Fact::told("the order of statements (added: early, via, service)", order.join(", ")));
    for sid in ["early", "via", "service"] {
        lambda.remove(sid).await?;
    }
    let gone = lambda.ask(Method::GET, "policy", &Value::Null).await?;
    facts.push(Fact::judged(
        "GetPolicy after the last statement went",
        "404 ResourceNotFoundException",
        shown(&gone),
        gone.status() == StatusCode::NOT_FOUND,
    ));
    Ok(())
}

/// What Create and Update of a URL config echo and merge. Leaves a private URL without CORS.
pub(super) async fn urls(lambda: &Lambda, facts: &mut Vec<Fact>) -> anyhow::Result<()> {
    let made = lambda.ask(Method::POST, "url", &json!({"AuthType": "AWS_IAM"})).await?;
    let config: Value = serde_json::from_slice(made.body()).unwrap_or_default();
    facts.push(Fact::judged(
        "CreateFunctionUrlConfig without InvokeMode",
        "201, no InvokeMode in the answer",
        format!("{} InvokeMode {}", made.status().as_u16(), config["InvokeMode"]),
        made.status() == StatusCode::CREATED && config["InvokeMode"].is_null(),
    ));
    facts.push(Fact::told("how CreationTime is spelled", config["CreationTime"].to_string()));
    let first = config["CreationTime"].clone();
    let read = lambda.url().await?.unwrap_or_default();
    facts.push(Fact::judged(
        "CreationTime as Get tells it",
        "as Create did",
        read["CreationTime"].to_string(),
        read["CreationTime"] == first,
    ));
    let twice = lambda.ask(Method::POST, "url", &json!({"AuthType": "NONE"})).await?;
    facts.push(Fact::judged(
        "CreateFunctionUrlConfig where there is one",
        "409 ResourceConflictException",
        shown(&twice),
        twice.status() == StatusCode::CONFLICT,
    ));
    let cors = json!({"AllowOrigins": ["https://A.example"], "AllowMethods": ["GET", "POST"], "MaxAge": 60});
    lambda.ask(Method::PUT, "url", &json!({"Cors": cors})).await?;
    let with_cors = lambda.url().await?.unwrap_or_default();
    facts.push(Fact::told(
        "CORS as it reads back (sent: https://A.example; GET, POST; 60)",
        with_cors["Cors"].to_string(),
    ));
    facts.push(Fact::judged(
        "Update without AuthType",
        "it stays",
        with_cors["AuthType"].to_string(),
        with_cors["AuthType"] == "AWS_IAM",
    ));
    for (what, body) in [
        ("CORS after an Update that doesn't name it", json!({"InvokeMode": "RESPONSE_STREAM"})),
        ("CORS after an Update with an empty object", json!({"Cors": {}})),
        (
            "CORS after an Update with empty lists",
            json!({"Cors": {"AllowOrigins": [], "AllowMethods": [], "MaxAge": 0}}),
        ),
    ] {
        let answer = lambda.ask(Method::PUT, "url", &body).await?;
        let now = lambda.url().await?.unwrap_or_default();
        facts.push(Fact::told(what, format!("{}: {}", answer.status().as_u16(), now["Cors"])));
    }
    let back = lambda.ask(Method::PUT, "url", &json!({"InvokeMode": "BUFFERED"})).await?;
    let now = lambda.url().await?.unwrap_or_default();
    facts.push(Fact::judged(
        "CreationTime and URL after Updates",
        "as before",
        format!("{}: {} {}", back.status().as_u16(), now["CreationTime"], now["FunctionUrl"]),
        now["CreationTime"] == first && now["FunctionUrl"] == config["FunctionUrl"],
    ));
    let methods = lambda.ask(Method::PUT, "url", &json!({"Cors": {"AllowMethods": ["OPTIONS"]}})).await?;
    facts.push(Fact::judged(
        "a CORS method of seven letters",
        "400 ValidationException",
        shown(&methods),
        methods.status() == StatusCode::BAD_REQUEST,
    ));
    Ok(())
}

fn statement(answer: &http::Response<bytes::Bytes>) -> Value {
    let answer: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    serde_json::from_str(answer["Statement"].as_str().unwrap_or("null")).unwrap_or_default()
}
