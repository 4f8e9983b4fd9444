// Command bench measures the gateway beside a bare net/http reverse proxy, on
// one machine and in one run, against a mock provider of its own.
//
//	bench [-gateway bin/tokligence] [-rounds 3] [-length 4s] [-only NAME]
//
// CPU time of the server's process a request is the figure to look at: load
// generator, mock and server share the machine, so latencies and rates say as
// much about the neighbours. Figures are medians over the rounds. An answer that
// is not whole fails the run.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] { // the roles that a run starts as processes of their own
		case "mock":
			serve(mock, os.Args[2:])
			return
		case "proxy":
			serve(proxy, os.Args[2:])
			return
		}
	}
	o := options{}
	flag.StringVar(&o.gateway, "gateway", "bin/tokligence", "the gateway's binary")
	flag.IntVar(&o.rounds, "rounds", 3, "how often each figure is taken")
	flag.DurationVar(&o.length, "length", 4*time.Second, "how long each load lasts")
	flag.StringVar(&o.only, "only", "", "run only the scenario of this name")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fail(err)
	}
}

// serve runs a role until it is killed, at an address that it tells as the gateway does.
func serve(role func(l net.Listener, args []string) error, args []string) {
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "usage: bench mock PAUSE, bench proxy URL")
		os.Exit(2)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	fmt.Fprintf(os.Stderr, "{\"address\":%q}\n", l.Addr())
	fail(role(l, args))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}
