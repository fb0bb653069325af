// A Node handler: the runtime is another, the contract the same.
"use strict";

const fs = require("node:fs");

exports.handler = async (event) => {
  const http = event.requestContext.http;
  if (process.env.INVOCATIONS_FILE) {
    fs.appendFileSync(process.env.INVOCATIONS_FILE, JSON.stringify({ method: http.method, path: event.rawPath }) + "\n");
  }
  const name = (event.queryStringParameters || {}).name || "world";
  return { statusCode: 200, headers: { "content-type": "text/plain" }, body: `hello, ${name}, from Node\n` };
};
