package main

import pdk "github.com/tokligence/gateway/pdk/go"

func init() { pdk.Register(guest()) }

func main() {}
