package main

import (
	"context"
	"log/slog"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/extismhost"
	"github.com/tokligence/gateway/core/plugin/prochost"
	"github.com/tokligence/gateway/core/plugin/wasmhost"
	"github.com/tokligence/gateway/plugins"
)

func carriers() map[string]plugin.Carrier {
	return map[string]plugin.Carrier{"wasm": wasmhost.New(), "extism": extismhost.New(), "process": prochost.New()}
}

// newLoader makes a loader with all carriers and the plugins in the binary.
func newLoader(log *slog.Logger, cacheDir string) *plugin.Loader {
	return plugin.NewLoader(plugin.Options{
		Carriers: carriers(),
		Builtins: plugins.Builtin(),
		CacheDir: cacheDir,
		Log: func(id, level, message string) {
			var l slog.Level
			if l.UnmarshalText([]byte(level)) != nil {
				l = slog.LevelInfo
			}
			log.Log(context.Background(), l, message, "plugin", id)
		},
	})
}
