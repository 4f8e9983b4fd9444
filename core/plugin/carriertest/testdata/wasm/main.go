// The guest as a plugin of the wasm carrier, made with the Go kit.
package main

import (
	"github.com/tokligence/gateway/core/plugin/carriertest/guest"
	pdk "github.com/tokligence/gateway/pdk/go"
)

var levels = map[string]pdk.Level{"debug": pdk.Debug, "info": pdk.Info, "warn": pdk.Warn, "error": pdk.Error}

func init() {
	pdk.Register(&guest.Guest{Log: func(level, message string) { pdk.Log(levels[level], message) }})
}

func main() {}
