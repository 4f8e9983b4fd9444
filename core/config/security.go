package config

import (
	"os"

	"github.com/tokligence/gateway/core/seal"
)

func setEncryptionKey(s *Security, v value) {
	if v.raw != "" {
		s.EncryptionKey, _ = v.encryptionKey()
	}
}

func setPreviousKeys(s *Security, v value) {
	list, ok := v.raw.([]any)
	if !ok {
		v.wrongType("a list of strings")
		return
	}
	for i, e := range list {
		if k, ok := (value{v.l, v.at.element(i), e}).encryptionKey(); ok {
			s.PreviousKeys = append(s.PreviousKeys, k)
		}
	}
}

func setReach(s *Security, v value) {
	list, ok := v.texts()
	if !ok { // the places of what is left would be wrong
		return
	}
	for i, entry := range list {
		if err := s.Reach.Add(entry); err != nil {
			v.l.fail(v.at.element(i), "%v", err) // not quoted: it may be a URL with a password
		}
	}
}

// encryptionKey reads a key from where the value says that it is. A key that
// stands in the configuration itself is refused: this file is read, copied and
// shown in places where the database's key must not be.
func (v value) encryptionKey() (*seal.Key, bool) {
	s, ok := v.raw.(string)
	if !ok {
		v.wrongType("a string")
		return nil, false
	}
	r, isRef, err := parseReference(s)
	if err == nil && !isRef {
		v.fail("must be env:NAME or file:PATH, and not the key itself")
		return nil, false
	}
	var text string
	if err == nil {
		text, err = v.l.follow(r, v.at.src.dir)
	}
	var k *seal.Key
	if err == nil {
		k, err = seal.ParseKey(text)
	}
	if err != nil {
		v.fail("%v", err)
		return nil, false
	}
	if info, err := os.Stat(resolvePath(v.at.src.dir, r.name)); r.kind == "file" && err == nil && info.Mode().Perm()&0o077 != 0 {
		v.l.warn(v.at, "others than its owner may read %s: chmod 600 mends that", r)
	}
	return k, true
}
