// SPDX-License-Identifier: Apache-2.0

// Package serve is the server itself.
package serve

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"example.com/greeting"
)

// Main listens on port 8080; where SELFTEST is set it sends itself one request, prints the answer and ends.
func Main(version string) {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, greeting.Text(version, os.Getuid()))
	})
	listener, err := net.Listen("tcp", ":8080")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("listening on 8080")
	if os.Getenv("SELFTEST") != "" {
		go http.Serve(listener, nil)
		answer, err := http.Get("http://127.0.0.1:8080/")
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		io.Copy(os.Stdout, answer.Body)
		fmt.Println()
		return
	}
	fmt.Println(http.Serve(listener, nil))
}
