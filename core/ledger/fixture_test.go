package ledger_test

import (
	"time"

	"github.com/tokligence/gateway/core"
)

func openExchange(id string, at time.Time, reserved core.Nano) *core.OpenExchange {
	return &core.OpenExchange{
		ExchangeID: id, At: at, Key: core.Named{ID: "key_1", Name: "ci"}, Endpoint: "chat",
		RequestedModel: "gpt", DeployedModel: "gpt-q-2026-01-01", Provider: "provider.openai", Deployment: "gpt-main",
		PriceID: "openai/gpt-q@2026-01-01", Usage: core.Usage{Input: 1200, Output: 600}, Reserved: reserved,
	}
}

func entry(id string, at time.Time, amount core.Nano) *core.LedgerEntry {
	return &core.LedgerEntry{
		ExchangeID: id, At: at, EndedAt: at.Add(time.Second), Key: core.Named{ID: "key_1", Name: "ci"}, Endpoint: "chat",
		RequestedModel: "gpt", DeployedModel: "gpt-q-2026-01-01", ServedModel: "gpt-q-2026-01-01",
		Provider: "provider.openai", Deployment: "gpt-main", PriceID: "openai/gpt-q@2026-01-01",
		Usage:   core.Usage{Input: 1000, CacheRead: 200, Output: 321, InputSource: core.UsageReported, OutputSource: core.UsageReported},
		Amount:  amount,
		Outcome: core.OutcomeOK, Status: 200, Latency: time.Second, FirstByte: 200 * time.Millisecond,
		Attempts: []core.Attempt{{Deployment: "gpt-main", Status: 200, Latency: time.Second}}, Reason: "weighted",
	}
}
