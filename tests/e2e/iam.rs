//! `docs/iam.md` against IAM as it is enforced: the controller has exactly the policy of that page in all of these suites,
//! the proxies have none, and without any one action of the page something fails and says which.

use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::gate::{Answer, Match, Operation};
use lambdaroute_tests::principals::controller_policy;
use lambdaroute_tests::stack::{Shape, Stack};
use serde_json::Value;

/// How a route shows that an action is missing.
#[derive(Clone, Copy, Debug)]
enum Shows {
    /// When it is made, in this condition.
    Made(&'static str),
    /// When its URL is changed.
    Changed,
    /// When it goes.
    Deleted,
}

/// Each action of the page, and when it is missed.
const ACTIONS: [(&str, Shows); 8] = [
    ("lambda:GetFunctionUrlConfig", Shows::Made("FunctionURLReady")),
    ("lambda:GetPolicy", Shows::Made("PermissionsReady")),
    ("lambda:GetFunction", Shows::Made("FunctionURLReady")),
    ("lambda:AddPermission", Shows::Made("PermissionsReady")),
    ("lambda:CreateFunctionUrlConfig", Shows::Made("FunctionURLReady")),
    ("lambda:UpdateFunctionUrlConfig", Shows::Changed),
    ("lambda:DeleteFunctionUrlConfig", Shows::Deleted),
    ("lambda:RemovePermission", Shows::Deleted),
];

fn policy() -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&controller_policy(lambdaroute_tests::emulator::ACCOUNT)?)?)
}

fn actions(policy: &Value) -> Vec<String> {
    let statements = policy["Statement"].as_array().cloned().unwrap_or_default();
    let lists = statements.iter().filter_map(|statement| statement["Action"].as_array());
    let mut actions: Vec<String> = lists.flatten().filter_map(|action| action.as_str().map(str::to_owned)).collect();
    actions.sort();
    actions
}

/// The page's policy without one action.
fn without(action: &str) -> anyhow::Result<String> {
    let mut policy = policy()?;
    for statement in policy["Statement"].as_array_mut().into_iter().flatten() {
        if let Some(actions) = statement["Action"].as_array_mut() {
            actions.retain(|known| known != action);
        }
    }
    Ok(policy.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_one_action_of_the_page_a_route_says_which_one_is_missing() -> anyhow::Result<()> {
    let mut listed: Vec<&str> = ACTIONS.iter().map(|(action, _)| *action).collect();
    listed.sort_unstable();
    assert_eq!(actions(&policy()?), listed, "docs/iam.md lists an action that no route here misses");
    let mut stack = Stack::with("iam", Shape { controllers: 0, proxies: 0, ..Shape::default() }).await?;
    let account = &stack.environment().account;
    let (principals, emulator) = (&account.principals, account.emulator.address());
    let role = principals.controller_with(emulator, &stack.cluster_id, &policy()?.to_string()).await?;
    stack.add_controller_as(&role).await?;
    for (action, shows) in ACTIONS {
        let name = action.trim_start_matches("lambda:").to_lowercase();
        let function = stack.function(Handler::Echo).await?;
        let spec = |mode: &str| {
            let function = function.name();
            format!(
                "{{function: {{name: {function}}}, upstream: {{type: FunctionURL, functionURL: {{invokeMode: {mode}}}}}}}"
            )
        };
        if !matches!(shows, Shows::Made(_)) {
            stack.route(&name, &spec("BUFFERED")).await?;
            stack.until(&name, "PermissionsReady", "True", "Synced").await?;
        }
        principals.set_policy(emulator, &role, &without(action)?).await?;
        // The emulator takes these two for CreateFunctionUrlConfig (MiniStack, core/iam_actions.py): the gate says it.
        let mistaken = match action {
            "lambda:UpdateFunctionUrlConfig" => Some(Operation::UpdateFunctionUrlConfig),
            "lambda:DeleteFunctionUrlConfig" => Some(Operation::DeleteFunctionUrlConfig),
            _ => None,
        };
        let denied = mistaken.map(|operation| {
            let refusal = Answer::access_denied(&role.arn, action, &function.arn());
            stack.aws.on(Match::operation(operation).function(function.name())).answer(refusal)
        });
        let condition = match shows {
            Shows::Made("PermissionsReady") => {
                stack.route(&name, &spec("BUFFERED")).await?;
                stack.until(&name, "PermissionsReady", "False", "AccessDenied").await?
            }
            Shows::Made(_) => {
                stack.route(&name, &spec("BUFFERED")).await?;
                stack.until(&name, "FunctionURLReady", "False", "AccessDenied").await?
            }
            Shows::Changed => {
                stack.route(&name, &spec("RESPONSE_STREAM")).await?;
                stack.until(&name, "FunctionURLReady", "False", "AccessDenied").await?
            }
            Shows::Deleted => {
                stack.begin_delete(&name).await?;
                stack.until(&name, "Ready", "False", "DeletionBlocked").await?
            }
        };
        assert!(condition.message.contains(action), "{action} is missing, but it says: {}", condition.message);
        principals.set_policy(emulator, &role, &policy()?.to_string()).await?;
        drop(denied);
        match shows {
            Shows::Deleted => stack.gone(&name).await?,
            _ => drop(stack.until(&name, "PermissionsReady", "True", "Synced").await?),
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_controllers_role_has_the_pages_policy_and_the_proxies_role_has_none() -> anyhow::Result<()> {
    let stack = Stack::with("roles", Shape { controllers: 0, proxies: 0, ..Shape::default() }).await?;
    let account = &stack.environment().account;
    let policies = async |role: &str| account.principals.policies(account.emulator.address(), role).await;
    assert_eq!(policies(&account.principals.proxies.arn).await?, Vec::<String>::new());
    assert_eq!(policies(&account.principals.controller.arn).await?, ["controller"]);
    Ok(())
}
