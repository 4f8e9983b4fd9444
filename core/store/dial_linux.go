package store

import "syscall"

// tcpUserTimeout is TCP_USER_TIMEOUT of tcp(7), in milliseconds: how long what was
// sent may stay without an acknowledgement.
const tcpUserTimeout = 18

func userTimeout(network, _ string, c syscall.RawConn) (err error) {
	if network == "unix" {
		return nil
	}
	if controlErr := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(deadAfter.Milliseconds()))
	}); controlErr != nil {
		return controlErr
	}
	return err
}
