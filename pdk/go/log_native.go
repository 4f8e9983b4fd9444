//go:build !wasip1

package pdk

import (
	"fmt"
	"os"
)

// Log tells the operator something. It never belongs to a reply, and it must
// not quote a prompt. In a process it goes to stderr, where the host reads.
func Log(level Level, message string) {
	name := "error"
	switch level {
	case Debug:
		name = "debug"
	case Info:
		name = "info"
	case Warn:
		name = "warn"
	}
	fmt.Fprintf(os.Stderr, "%s: %s\n", name, message)
}
