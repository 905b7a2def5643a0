// SPDX-License-Identifier: Apache-2.0
// A web server that answers; where SELFTEST is set it asks itself.
const http = require("http");
const ms = require("ms");
const server = http.createServer((request, response) => {
	response.end("hello from node " + ms(60000, { long: true }) + " as " + process.getuid());
});
server.listen(3000, () => {
	console.log("listening on 3000");
	if (process.env.SELFTEST) {
		http.get("http://127.0.0.1:3000/", (answer) => {
			answer.on("data", (data) => console.log(String(data)));
			answer.on("end", () => process.exit(0));
		});
	}
});
