// SPDX-License-Identifier: Apache-2.0
// Puts the sources together with the version in package.json, as a bundler would.
const fs = require("fs");
const { version } = require("./package.json");

fs.mkdirSync("dist", { recursive: true });
const source = fs.readFileSync("src/server.js", "utf8");
fs.writeFileSync("dist/server.js", source.replace("@VERSION@", version));
