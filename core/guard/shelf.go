package guard

import (
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/tokligence/gateway/core"
)

// Shelf is every attachment of a configuration, in the order they run in, and the
// chains that were made of them for keys with guardrails of their own. Safe for
// concurrent use; a nil one is empty.
type Shelf struct {
	all   []Attachment
	fetch Fetcher
	log   *slog.Logger

	mu     sync.RWMutex
	chains map[chainKey]*Chain
}

type chainKey struct {
	route *Chain
	names string
}

// maxChains bounds what is kept ready; whoever makes more sets of names pays for
// making their chains again.
const maxChains = 4096

// NewShelf keeps the attachments.
func NewShelf(all []Attachment, fetch Fetcher, log *slog.Logger) *Shelf {
	return &Shelf{all: all, fetch: fetch, log: log, chains: map[chainKey]*Chain{}}
}

// Chain is the route's with the named guardrails added, which it makes once. A
// name that there is not is CodePluginFailed: what nobody can guard is refused.
func (s *Shelf) Chain(route *Chain, names []string) (*Chain, error) {
	if len(names) == 0 {
		return route, nil
	}
	if s == nil {
		return nil, gone(names[0])
	}
	key := chainKey{route, strings.Join(names, "\n")}
	s.mu.RLock()
	c := s.chains[key]
	s.mu.RUnlock()
	if c != nil {
		return c, nil
	}
	for _, name := range names {
		if !slices.ContainsFunc(s.all, func(a Attachment) bool { return a.Name == name }) {
			return nil, gone(name)
		}
	}
	var list []Attachment
	for _, a := range s.all {
		ofRoute := route != nil && slices.ContainsFunc(route.attachments, func(b Attachment) bool { return b.Name == a.Name })
		if ofRoute || slices.Contains(names, a.Name) {
			list = append(list, a)
		}
	}
	c = NewChain(list, s.fetch, s.log)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.chains) >= maxChains {
		clear(s.chains)
	}
	s.chains[key] = c
	return c, nil
}

func gone(name string) error {
	return core.Errorf(core.CodePluginFailed, core.SourceGateway, "the guardrail %q, which requests with this key must pass, does not exist: ask your administrator", name)
}
