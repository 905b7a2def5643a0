// SPDX-License-Identifier: Apache-2.0

// clock answers with the time; with the argument "now" it prints it and ends.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

var version = "dev"

func main() {
	if len(os.Args) > 1 && os.Args[1] == "now" {
		fmt.Println(version, time.Now().UTC().Format(time.RFC3339))
		return
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, time.Now().UTC().Format(time.RFC3339))
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}
