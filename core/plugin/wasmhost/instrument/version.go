package instrument

import (
	"crypto/sha256"
	"embed"
	"sync"
)

// files are the source of this package: whoever keeps what it has made has to know whether it
// would make the same again.
//
//go:embed addresses.go allowance.go code.go fast.go instrument.go jumps.go negate.go paths.go reader.go resume.go sections.go slack.go stack.go
var files embed.FS

// Version differs wherever Rewrite may. It is the SHA-256 of this package's source.
var Version = sync.OnceValue(func() string {
	sum := sha256.New()
	list, err := files.ReadDir(".")
	for _, f := range list {
		text, _ := files.ReadFile(f.Name())
		sum.Write(text)
	}
	if err != nil {
		panic(err) // a folder that the compiler has put in
	}
	return string(sum.Sum(nil))
})
