package main

import (
	"os"
	"slices"
	"testing"
)

// TestUnwritten: what is or was written to is never given up, nor any other file.
func TestUnwritten(t *testing.T) {
	const smaps = `00400000-00403000 r--p 00000000 fe:00 104                                /opt/a b/tokligence
Size:                 12 kB
Rss:                  12 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd mr mw me
00403000-00f61000 r-xp 00003000 fe:00 104                                /opt/a b/tokligence
Anonymous:             0 kB
Swap:                  0 kB
00f61000-020ef000 r--p 00b61000 fe:00 104                                /opt/a b/tokligence
Anonymous:             0 kB
Swap:                  4 kB
020ef000-020f2000 r--p 01cee000 fe:00 104                                /opt/a b/tokligence
Anonymous:             4 kB
Swap:                  0 kB
020f2000-021b4000 rw-p 01cf1000 fe:00 104                                /opt/a b/tokligence
Anonymous:             0 kB
Swap:                  0 kB
021b4000-04208000 rw-p 00000000 00:00 0 
Anonymous:             0 kB
7f48b9885000-7f48b98ab000 r--p 00000000 fe:00 326                        /opt/a b/tokligence.so
Anonymous:             0 kB
7f48b98ab000-7f48b98ac000 r-xp 00000000 00:00 0                          [vdso]
Anonymous:             0 kB
`
	if got, want := unwritten(smaps, "/opt/a b/tokligence"), []mapping{{0x400000, 0x403000}, {0x403000, 0xf61000}}; !slices.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// TestFreePages: the program goes on with what it needs of its file.
func TestFreePages(t *testing.T) {
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	path, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if len(unwritten(string(maps), path)) < 2 {
		t.Errorf("the program's code and constants are not found in\n%s", maps)
	}
	for range 3 {
		if err := freePages(); err != nil {
			t.Fatal(err)
		}
	}
}
