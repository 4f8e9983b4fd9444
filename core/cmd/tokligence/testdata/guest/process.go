//go:build !wasip1

package main

import "github.com/tokligence/gateway/pdk/process"

func main() { process.Serve(guest()) }
