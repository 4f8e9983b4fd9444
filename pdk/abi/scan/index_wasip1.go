package scan

import "unsafe"

// Index makes walking through b and its parts quick until Index or Indexed is
// called for another text. b must not be changed in between; what is in it may be
// found where it stood before. Only guests have it: see package pdk/go.
func Index(b []byte) { known.read(b) }

// IndexRoom is where the host may write the next index with WriteIndex; the one
// at hand counts no more.
func IndexRoom() (at unsafe.Pointer, bytes int) {
	known.size = 0
	return unsafe.Pointer(unsafe.SliceData(known.room)), 8 * len(known.room)
}

// Indexed is Index for a text whose index the host has written to the room that
// IndexRoom has given it.
func Indexed(b []byte, nodes int) { known.take(b, nodes) }
