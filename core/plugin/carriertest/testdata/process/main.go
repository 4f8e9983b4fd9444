// The guest as a program. With a file of its own name and .json beside it, it
// is what that declares instead.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/tokligence/gateway/core/plugin/carriertest/guest"
	"github.com/tokligence/gateway/pdk/abi"
	pdk "github.com/tokligence/gateway/pdk/go"
	"github.com/tokligence/gateway/pdk/process"
)

var levels = map[string]pdk.Level{"debug": pdk.Debug, "info": pdk.Info, "warn": pdk.Warn, "error": pdk.Error}

func main() {
	if b, err := os.ReadFile(os.Args[0] + ".json"); err == nil {
		var d declared
		if err := json.Unmarshal(b, &d); err != nil {
			panic(err)
		}
		process.Serve(&d)
		return
	}
	process.Serve(&guest.Guest{Log: func(level, message string) { pdk.Log(levels[level], message) }})
}

// declared is a plugin that says of itself what it is told.
type declared struct {
	Manifest  string
	Functions []abi.Function
}

// Call implements pdk.Plugin.
func (d *declared) Call(f abi.Function, dst, _ []byte) ([]byte, error) {
	switch {
	case f == abi.Describe:
		return append(dst, d.Manifest...), nil
	case slices.Contains(d.Functions, f):
		return append(dst, "{}"...), nil
	}
	return dst, &abi.Error{Code: abi.PluginFailed, Message: fmt.Sprintf("%s is not implemented", f)}
}
