package core

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"time"
)

// Prefixes of IDs, one per noun.
const (
	PrefixOrganization = "org_"
	PrefixTeam         = "tea_"
	PrefixProject      = "prj_"
	PrefixUser         = "usr_"
	PrefixMembership   = "mem_"
	PrefixKey          = "key_"
	PrefixExchange     = "exc_"
	PrefixEntry        = "ent_"
	PrefixBudget       = "bud_"
	PrefixPrice        = "pri_"
	PrefixNode         = "nod_"
	PrefixModelGroup   = "mgr_"
	PrefixAudit        = "aud_"
	PrefixConfigObject = "cfg_"
	PrefixEvent        = "evt_"
	PrefixWebhook      = "whk_"
	PrefixDelivery     = "dlv_"
	PrefixSession      = "ses_"
	PrefixInvite       = "inv_"
)

// EntryID is the id of an exchange's one entry that is not a correction. It
// follows from the exchange, so settling twice is harmless.
func EntryID(exchangeID string) string {
	return PrefixEntry + strings.TrimPrefix(exchangeID, PrefixExchange)
}

// ExchangeID is the exchange whose entry has the id: the inverse of [EntryID].
func ExchangeID(entryID string) string {
	return PrefixExchange + strings.TrimPrefix(entryID, PrefixEntry)
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewID returns prefix + 26 characters that sort by time: 48 bits of
// milliseconds and 80 random bits (the ULID layout). IDs are names, not
// secrets; secrets come from crypto/rand.
func NewID(prefix string, now time.Time) string {
	var raw [16]byte
	ms := uint64(now.UnixMilli())
	hi := ms<<16 | rand.Uint64()&0xffff
	binary.BigEndian.PutUint64(raw[:8], hi)
	binary.BigEndian.PutUint64(raw[8:], rand.Uint64())

	out := make([]byte, len(prefix)+26)
	n := copy(out, prefix)
	lo := binary.BigEndian.Uint64(raw[8:])
	for i := 25; i >= 0; i-- {
		out[n+i] = crockford[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out)
}
