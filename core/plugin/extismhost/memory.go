package extismhost

import "github.com/tetratelabs/wazero/experimental"

// memories counts what an instance's memories hold: the guest's own, which
// go-sdk does not show, and the kernel's with input and output. Only the
// running call changes it.
type memories struct{ bytes int64 }

// Allocate implements experimental.MemoryAllocator.
func (m *memories) Allocate(_, most uint64) experimental.LinearMemory {
	return &memory{all: m, most: most}
}

// memory is one of them, on Go's heap as wazero's own are.
type memory struct {
	all  *memories
	b    []byte
	most uint64
}

// Reallocate implements experimental.LinearMemory.
func (m *memory) Reallocate(size uint64) []byte {
	if size > m.most {
		return nil
	}
	if more := int64(size) - int64(len(m.b)); more > 0 {
		m.b = append(m.b, make([]byte, more)...)
		m.all.bytes += more
	}
	return m.b[:size]
}

// Free implements experimental.LinearMemory.
func (m *memory) Free() {
	m.all.bytes -= int64(len(m.b))
	m.b = nil
}
