// SPDX-License-Identifier: Apache-2.0
// Answers with the time; with the argument "now" it prints it and ends.
const http = require("http");

const version = "@VERSION@";
const now = () => `${version} ${new Date().toISOString()}\n`;

if (process.argv[2] === "now") process.stdout.write(now());
else http.createServer((request, response) => response.end(now())).listen(3000);
