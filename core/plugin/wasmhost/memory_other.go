//go:build !unix

package wasmhost

import "github.com/tetratelabs/wazero/experimental"

// memoryAllocator leaves the guests' memory to wazero, on Go's heap.
func memoryAllocator() experimental.MemoryAllocator { return nil }
