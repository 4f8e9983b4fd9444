// Command bench measures the gateway beside a bare net/http reverse proxy, on
// one machine and in one run, against a mock provider of its own.
//
//	bench [-gateway bin/tokligence] [-rounds 3] [-seconds 4] [-only NAME]
//
// CPU time of the server's process a request is the figure to look at: load
// generator, mock and server share the machine, so latencies and rates say as
// much about the neighbours. Figures are medians over the rounds.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
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
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// serve runs a role until it is interrupted: args are its address and what it needs.
func serve(role func(addr string, args []string) error, args []string) {
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "bench: which address?")
		os.Exit(2)
	}
	ended := make(chan error, 1)
	go func() { ended <- role(args[0], args[1:]) }()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	select {
	case err := <-ended:
		fmt.Fprintln(os.Stderr, "bench:", errors.Join(err))
		os.Exit(1)
	case <-stop:
	}
}
