// Package proto is the gRPC service of process plugins, generated from
// plugin.proto. Authors in Go need only package process.
package proto

//go:generate go run ./internal/generate ../../.. pdk/process/proto/plugin.proto
