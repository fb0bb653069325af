//! Manifests of the AWS side: who writes the URL config and the policy, whom it lets in, and AWS's own CORS.

/// Fields beside `function`, and a part of the message that refuses them.
pub(super) const WRONG: &[(&str, &str)] = &[
    (
        "upstream: {type: FunctionURL, functionURL: {management: Observed}}",
        "Unsupported value: \"Observed\": supported values: \"Managed\", \"Adopt\", \"Observe\"",
    ),
    (
        "upstream: {type: FunctionURL, functionURL: {authType: NONE}}",
        "spec.upstream.functionURL.authType NONE needs a grant with principal * in spec.permissions.grants",
    ),
    (
        "upstream: {type: FunctionURL, functionURL: {authType: NONE}}, permissions: {grants: [{name: a, principal: '111122223333'}]}",
        "spec.upstream.functionURL.authType NONE needs a grant with principal * in spec.permissions.grants",
    ),
    (
        "permissions: {grants: [{name: all, principal: '*'}]}",
        "spec.permissions.grants[].principal * lets anybody in, which goes with spec.upstream.functionURL.authType NONE only",
    ),
    (
        "upstream: {type: FunctionURL, functionURL: {management: Adopt}}, permissions: {grants: [{name: all, principal: '*'}]}",
        "spec.permissions.grants[].principal * lets anybody in",
    ),
    (
        "permissions: {management: Observe}",
        "spec.permissions.management Observe needs spec.upstream.functionURL.management Adopt or Observe",
    ),
    (
        "upstream: {type: FunctionURL, functionURL: {management: Managed}}, permissions: {management: Observe}",
        "spec.permissions.management Observe needs spec.upstream.functionURL.management Adopt or Observe",
    ),
    ("permissions: {management: Adopt}", "Unsupported value: \"Adopt\": supported values: \"Managed\", \"Observe\""),
    ("permissions: {grants: []}", "spec.permissions.grants is empty: give a grant, or remove it"),
    ("permissions: {grants: [{name: a}]}", "spec.permissions.grants[0].principal: Required value"),
    ("permissions: {grants: [{principal: '111122223333'}]}", "spec.permissions.grants[0].name: Required value"),
    (
        "permissions: {grants: [{name: a, principal: '111122223333'}, {name: a, principal: '444455556666'}]}",
        "spec.permissions.grants[1]: Duplicate value",
    ),
    ("permissions: {grants: [{name: A, principal: '111122223333'}]}", "spec.permissions.grants[].name must be a label"),
    ("permissions: {grants: [{name: a, principal: '1111'}]}", "spec.permissions.grants[].principal must be the ARN of"),
    ("permissions: {grants: [{name: a, principal: orders}]}", "spec.permissions.grants[].principal must be the ARN of"),
    (
        "permissions: {grants: [{name: a, principal: 'arn:aws:iam::111122223333:role/*'}]}",
        "spec.permissions.grants[].principal must be the ARN of",
    ),
    (
        "permissions: {grants: [{name: a, principal: 'arn:aws:sts::111122223333:assumed-role/a/b'}]}",
        "spec.permissions.grants[].principal must be the ARN of",
    ),
    (
        "permissions: {grants: [{name: a, principal: cloudfront.amazonaws.com}]}",
        "spec.permissions.grants[]: a service needs sourceARN or sourceAccount",
    ),
    (
        "permissions: {grants: [{name: a, principal: '111122223333', sourceAccount: '111122223333'}]}",
        "for any other principal remove them",
    ),
    (
        "permissions: {grants: [{name: a, principal: cloudfront.amazonaws.com, sourceARN: distribution/E1}]}",
        "spec.permissions.grants[].sourceARN must be an ARN",
    ),
    (
        "permissions: {grants: [{name: a, principal: cloudfront.amazonaws.com, sourceAccount: '1111'}]}",
        "spec.permissions.grants[].sourceAccount must be the 12 digits",
    ),
    (
        "permissions: {grants: [{name: a, principal: cloudfront.amazonaws.com, sourceAccount: '111122223333', principalOrgID: o-a1b2c3d4e5}]}",
        "spec.permissions.grants[].principalOrgID goes with a role, a user or an account",
    ),
    (
        "permissions: {grants: [{name: a, principal: '111122223333', principalOrgID: r-1}]}",
        "spec.permissions.grants[].principalOrgID must be an organization's id",
    ),
    (
        "upstream: {type: FunctionURL, functionURL: {cors: {allowOrigins: ['*']}}}",
        "spec.upstream.functionURL.cors goes with authType NONE only",
    ),
    (
        "upstream: {type: FunctionURL, functionURL: {authType: AWS_IAM, cors: {}}}",
        "spec.upstream.functionURL.cors goes with authType NONE only",
    ),
    (
        "upstream: {type: FunctionURL, functionURL: {authType: NONE, cors: {allowMethods: [OPTIONS]}}}, permissions: {grants: [{name: all, principal: '*'}]}",
        "spec.upstream.functionURL.cors.allowMethods[0]: Too long: may not be more than 6",
    ),
    (
        "upstream: {type: FunctionURL, functionURL: {authType: NONE, cors: {allowMethods: [get]}}}, permissions: {grants: [{name: all, principal: '*'}]}",
        "spec.upstream.functionURL.cors.allowMethods must be methods in capitals",
    ),
    (
        "upstream: {type: FunctionURL, functionURL: {authType: NONE, cors: {allowMethods: [A, B, C, D, E, F, G]}}}, permissions: {grants: [{name: all, principal: '*'}]}",
        "spec.upstream.functionURL.cors.allowMethods: Too many: 7: must have at most 6 items",
    ),
    (
        "upstream: {type: FunctionURL, functionURL: {authType: NONE, cors: {maxAge: 25h}}}, permissions: {grants: [{name: all, principal: '*'}]}",
        "spec.upstream.functionURL.cors.maxAge must be a duration of whole seconds from 0s to 24h",
    ),
];

/// Fields beside `function` that are accepted.
pub(super) const RIGHT: &[&str] = &[
    "upstream: {type: FunctionURL, functionURL: {management: Observe}}, permissions: {management: Observe}",
    "upstream: {type: FunctionURL, functionURL: {management: Adopt, invokeMode: RESPONSE_STREAM}}",
    "permissions: {management: Managed, grants: [{name: a, principal: 'arn:aws:iam::444455556666:role/path/reporter'}, {name: b, principal: '444455556666', principalOrgID: o-a1b2c3d4e5}]}",
    "permissions: {grants: [{name: cdn, principal: cloudfront.amazonaws.com, sourceARN: 'arn:aws:cloudfront::111122223333:distribution/E1', sourceAccount: '111122223333'}]}",
    "upstream: {type: FunctionURL, functionURL: {authType: NONE, cors: {allowOrigins: ['https://shop.example'], allowMethods: [GET, DELETE, '*'], allowHeaders: [content-type], exposeHeaders: [x-total], allowCredentials: true, maxAge: 1h}}}, permissions: {grants: [{name: all, principal: '*'}]}",
];
