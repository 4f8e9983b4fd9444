package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
)

const (
	keySize  = 32 // bytes: AES-256
	idLength = 12 // characters of a key's id
)

// Key is an encryption key. It prints as its id.
type Key struct {
	id   string
	aead cipher.AEAD
}

// ID names the key without telling of it: a part of a keyed hash.
func (k *Key) ID() string { return k.id }

// String is the id.
func (k *Key) String() string { return "encryption key " + k.id }

// GoString is String, so that %#v leaks nothing either.
func (k *Key) GoString() string { return k.String() }

var errKeyForm = errors.New("an encryption key is 32 random bytes, written as 64 hex digits or in base64: openssl rand -base64 32 makes one")

// ParseKey reads a key: 64 hex digits, or base64 of either alphabet with or
// without padding. Blanks and line ends around it do not count. Errors do not
// quote it.
func ParseKey(text string) (*Key, error) {
	text = strings.TrimSpace(text)
	raw, err := hex.DecodeString(text)
	if err != nil || len(text) != 2*keySize {
		text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		if raw, err = base64.RawStdEncoding.Strict().DecodeString(text); err != nil {
			return nil, errKeyForm
		}
	}
	if len(raw) != keySize {
		return nil, errKeyForm
	}
	if distinct(raw) < 12 { // never of 32 random bytes
		return nil, errors.New("the encryption key is not random: openssl rand -base64 32 makes one that is")
	}
	return newKey(raw)
}

func distinct(raw []byte) int {
	seen := map[byte]bool{}
	for _, b := range raw {
		seen[b] = true
	}
	return len(seen)
}

func newKey(raw []byte) (*Key, error) {
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, raw)
	mac.Write([]byte("tokligence gateway encryption key id"))
	return &Key{hex.EncodeToString(mac.Sum(nil))[:idLength], aead}, nil
}

// generate makes a key and its text.
func generate() (text string, err error) {
	raw := make([]byte, keySize)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}
