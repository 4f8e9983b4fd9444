package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// freePages gives the pages of the program's own file back: starting unpacks
// plugins that lie in it and runs code that serving does not need. What is needed
// comes again at its next use, from the page cache.
func freePages() error {
	path, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return err
	}
	for _, m := range unwritten(string(maps), path) {
		if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, m.begin, m.end-m.begin, syscall.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("madvise %#x-%#x: %w", m.begin, m.end, errno)
		}
	}
	return nil
}

type mapping struct{ begin, end uintptr }

// unwritten finds in a process' smaps the mappings of a file that nothing can be
// lost of: they cannot be written to, and no page of them was, as some are while
// a program is linked at its start.
func unwritten(smaps, path string) (found []mapping) {
	open := false // the last one found may prove to be written
	for line := range strings.Lines(smaps) {
		line = strings.TrimSuffix(line, "\n")
		field := strings.Fields(line)
		switch {
		case len(field) < 2:
		case !strings.HasSuffix(field[0], ":"): // 00403000-00f61000 r-xp 00003000 fe:00 10412380   /path
			var m mapping
			_, err := fmt.Sscanf(field[0], "%x-%x", &m.begin, &m.end)
			if open = err == nil && !strings.Contains(field[1], "w") && strings.HasSuffix(line, " "+path); open {
				found = append(found, m)
			}
		case open && (field[0] == "Anonymous:" || field[0] == "Swap:") && field[1] != "0":
			found = found[:len(found)-1]
			open = false
		}
	}
	return found
}
