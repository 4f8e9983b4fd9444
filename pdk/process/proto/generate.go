// Package proto is the gRPC service of process plugins, generated from
// plugin.proto. Authors in Go need only package process.
package proto

//go:generate protoc --proto_path=../../.. --go_out=../../.. --go_opt=paths=source_relative --go-grpc_out=../../.. --go-grpc_opt=paths=source_relative pdk/process/proto/plugin.proto
