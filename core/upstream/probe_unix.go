//go:build unix

package upstream

import (
	"syscall"
	"time"
)

// probeAfter is the idle time from which a connection is probed before use.
// Vendors close idle connections after some seconds at least.
const probeAfter = time.Second

// alive looks, without waiting, whether the peer has closed an idle
// connection or sent what was not asked for.
func (k *conn) alive() bool {
	sc, ok := k.raw.(syscall.Conn)
	if !ok {
		return true
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	alive := false
	err = rc.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		// TLS sends tickets of its own accord.
		alive = err == syscall.EAGAIN || n > 0 && k.nc != k.raw
	})
	return err == nil && alive
}
