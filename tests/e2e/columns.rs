//! What `kubectl get lr` and `kubectl get lr -o wide` print: the table that the API server makes for them.

use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::stack::{Shape, Stack};
use serde_json::Value;

/// The table of the namespace's routes: each row by the columns' names, those of `-o wide` among them only if `wide`.
async fn table(stack: &Stack, wide: bool) -> anyhow::Result<Vec<Vec<(String, String)>>> {
    let path = format!("/apis/lambdaroute.dev/v1alpha1/namespaces/{}/lambdaroutes", stack.namespace);
    let request =
        http::Request::get(path).header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io").body(vec![])?;
    let table: Value = stack.client().request(request).await?;
    let columns = table["columnDefinitions"].as_array().cloned().unwrap_or_default();
    let rows = table["rows"].as_array().cloned().unwrap_or_default();
    let row = |row: &Value| {
        let cells = row["cells"].as_array().cloned().unwrap_or_default();
        columns
            .iter()
            .zip(cells)
            .filter(|(column, _)| wide || column["priority"] == 0)
            .map(|(column, cell)| {
                let name = column["name"].as_str().unwrap_or_default().to_uppercase();
                (name, cell.as_str().map_or_else(|| cell.to_string(), str::to_owned))
            })
            .collect()
    };
    Ok(rows.iter().map(row).collect())
}

fn cell<'a>(row: &'a [(String, String)], column: &str) -> &'a str {
    row.iter().find(|(name, _)| name == column).map_or("no such column", |(_, cell)| cell)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_line_says_which_function_which_url_whether_it_is_ready_and_if_not_why_and_what_now() -> anyhow::Result<()>
{
    let stack = Stack::with("columns", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    function.alias("PROD", &function.publish().await?).await?;
    let missing = stack.function_name();
    stack.route("broken", &format!("{{function: {{name: {missing}}}}}")).await?;
    stack.route("orders", &format!("{{function: {{name: {}, qualifier: PROD}}}}", function.name())).await?;
    stack.ready("orders").await?;
    stack.until("broken", "Ready", "False", "FunctionNotFound").await?;

    let rows = table(&stack, false).await?;
    let names: Vec<_> = rows[0].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["NAME", "FUNCTION", "URL", "AUTH", "READY", "REASON", "AGE"]);
    let rows = table(&stack, true).await?;
    let [broken, orders] = rows.as_slice() else { panic!("{rows:?}") };
    let url = format!("http://orders.{}.svc.cluster.local", stack.namespace);
    for (column, said) in [
        ("NAME", "orders"),
        ("FUNCTION", &format!("{}:PROD", function.name())),
        ("URL", &url),
        ("AUTH", "None"),
        ("READY", "True"),
        ("REASON", "Ready"),
        ("FUNCTION-URL", &function.url(Some("PROD")).await?.unwrap_or_default()),
    ] {
        assert_eq!(cell(orders, column), said, "{column}");
    }
    for (column, said) in
        [("NAME", "broken"), ("FUNCTION", &missing), ("READY", "False"), ("REASON", "FunctionNotFound")]
    {
        assert_eq!(cell(broken, column), said, "{column}");
    }
    let what_now = cell(broken, "MESSAGE");
    assert!(what_now.starts_with("You: ") && what_now.contains(&missing), "{what_now}");
    Ok(())
}
