// SPDX-License-Identifier: Apache-2.0

// Package greeting is a module that the server needs, so that "go mod download" has something to fetch.
package greeting

import "fmt"

// Text is what the server answers.
func Text(version string, uid int) string {
	return fmt.Sprintf("hello from go %s as %d", version, uid)
}
