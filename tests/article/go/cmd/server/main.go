// SPDX-License-Identifier: Apache-2.0

// The same server, for a Dockerfile that builds ./cmd/server.
package main

import "example.com/server/serve"

var version = "cmd"

func main() {
	serve.Main(version)
}
