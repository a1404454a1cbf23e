// Command envexample writes .env.example from the settings.
package main

import (
	"flag"
	"fmt"
	"os"

	"tasksync/internal/config"
)

func main() {
	out := flag.String("o", ".env.example", "the file to write")
	flag.Parse()
	if err := os.WriteFile(*out, []byte(config.Example()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
