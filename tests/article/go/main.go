// SPDX-License-Identifier: Apache-2.0

// A web server that answers with its version, and asks itself where SELFTEST is set.
package main

import "example.com/server/serve"

var version = "none"

func main() {
	serve.Main(version)
}
