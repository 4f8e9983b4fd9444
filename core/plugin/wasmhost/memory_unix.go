//go:build unix

package wasmhost

import (
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// memoryAllocator gives guests memory outside of Go's heap: address space for
// the whole limit at once, so that growing copies nothing, of which only the
// touched pages are real. On the heap each instance would count with its full
// limit and would raise the collector's goal by it.
func memoryAllocator() experimental.MemoryAllocator {
	return experimental.MemoryAllocatorFunc(func(_, most uint64) experimental.LinearMemory {
		b, err := syscall.Mmap(-1, 0, int(max(most, 1)), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			// The address space is limited: take no more than is asked for now.
			return &heapMemory{most: most}
		}
		return &mappedMemory{b}
	})
}

type mappedMemory struct{ b []byte }

// Reallocate implements experimental.LinearMemory.
func (m *mappedMemory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.b)) {
		return nil
	}
	return m.b[:size:len(m.b)]
}

// Free implements experimental.LinearMemory.
func (m *mappedMemory) Free() {
	if m.b != nil {
		_ = syscall.Munmap(m.b) // fails only for what is no mapping
		m.b = nil
	}
}

// heapMemory is memory that grows on Go's heap.
type heapMemory struct {
	b    []byte
	most uint64
}

// Reallocate implements experimental.LinearMemory.
func (m *heapMemory) Reallocate(size uint64) []byte {
	if size > m.most {
		return nil
	}
	if more := int(size) - len(m.b); more > 0 {
		m.b = append(m.b, make([]byte, more)...)
	}
	return m.b[:size]
}

// Free implements experimental.LinearMemory.
func (m *heapMemory) Free() { m.b = nil }
