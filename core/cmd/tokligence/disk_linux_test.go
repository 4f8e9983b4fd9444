package main

import (
	"os/signal"
	"syscall"
)

func init() { asChild = func() { signal.Ignore(syscall.SIGXFSZ) } }
