// SPDX-License-Identifier: Apache-2.0

// A web server that answers with its version, and with "selftest" asks itself.
package main

import "example.com/server/serve"

var version = "none"

func main() {
	serve.Main(version)
}
