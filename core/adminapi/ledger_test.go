package adminapi

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/keys"
	"github.com/tokligence/gateway/core/store"
)

func TestLedger(t *testing.T) {
	w := newWorld(t)
	w.settle("exc_1", "gpt", start.Add(-2*time.Hour), 1_500_000_000)
	w.settle("exc_2", "=cmd", start.Add(-time.Hour), 250)
	w.settle("exc_3", "gpt", start, 500_000_000)

	var page struct {
		Data       []core.LedgerEntry
		NextCursor *string `json:"next_cursor"`
	}
	w.want(200, "GET", "/ledger?limit=2", "", &page)
	if len(page.Data) != 2 || page.Data[0].ExchangeID != "exc_3" || page.NextCursor == nil || page.Data[0].Amount != 500_000_000 {
		t.Fatalf("first page %+v", page)
	}
	w.want(200, "GET", "/ledger?limit=2&cursor="+*page.NextCursor, "", &page)
	if len(page.Data) != 1 || page.Data[0].ExchangeID != "exc_1" || page.NextCursor != nil {
		t.Errorf("second page %+v", page)
	}
	w.want(200, "GET", "/ledger?model=gpt&outcome=ok&key_id="+w.plain.ID+"&from=2026-11-25T11:00:00Z", "", &page)
	if len(page.Data) != 1 || page.Data[0].ExchangeID != "exc_3" {
		t.Errorf("filtered %+v", page.Data)
	}

	_, head, text := w.do(adminSecret, "GET", "/ledger/export", "")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], `"exchange_id":"exc_1"`) || !strings.Contains(lines[0], `"amount":"1.50"`) || head.Get("Content-Type") != "application/jsonl" {
		t.Errorf("JSON Lines %s", text)
	}
	_, head, text = w.do(adminSecret, "GET", "/ledger/export?format=csv&to=2026-11-25T12:00:00Z", "")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 3 || head.Get("Content-Type") != "text/csv" {
		t.Fatalf("%v in %s", err, text)
	}
	column := func(row int, name string) string { return rows[row][slices.Index(rows[0], name)] }
	if column(1, "amount") != "1.50" || column(2, "amount") != "0.00000025" || column(2, "model") != "'=cmd" || column(1, "key_name") != "'=plain" ||
		column(1, "input_tokens") != "10" || column(1, "latency_ms") != "3" {
		t.Errorf("CSV %v", rows)
	}

	var verified struct{ Differences []core.LedgerDifference }
	w.want(200, "POST", "/ledger/verify", "", &verified)
	if verified.Differences == nil || len(verified.Differences) != 0 {
		t.Errorf("differences %v", verified.Differences)
	}
	w.want(204, "POST", "/ledger/rebuild", "", nil)
}

func TestLedger_ExportPages(t *testing.T) {
	w := newWorld(t)
	batch := &core.LedgerBatch{}
	const n = 2*exportPage + 7
	for i := range n {
		id := core.NewID(core.PrefixExchange, start.Add(time.Duration(i)*time.Millisecond))
		batch.Entries = append(batch.Entries, &core.LedgerEntry{ID: core.EntryID(id), ExchangeID: id, At: start.Add(time.Duration(i) * time.Millisecond), Outcome: core.OutcomeOK})
	}
	if _, err := w.store.WriteBatch(context.Background(), batch); err != nil {
		t.Fatal(err)
	}
	_, _, text := w.do(adminSecret, "GET", "/ledger/export", "")
	if got := strings.Count(text, "\n"); got != n {
		t.Errorf("%d lines, want %d", got, n)
	}
	_, _, text = w.do(adminSecret, "GET", "/ledger/export?format=csv", "")
	if got := strings.Count(text, "\n"); got != n+1 || strings.Count(text, "exchange_id") != 1 {
		t.Errorf("%d rows, want %d", got, n+1)
	}
}

func TestUsage(t *testing.T) {
	w := newWorld(t)
	w.settle("exc_1", "gpt", start.Add(-2*time.Hour), 1_500_000_000)
	w.settle("exc_2", "claude", start.Add(-time.Hour), 250)
	w.settle("exc_3", "gpt", start, 500_000_000)
	tests := []struct{ query, want string }{
		{"", "claude 1 10 5 0.00000025; gpt 2 20 10 2.00"},
		{"?by=outcome", "ok 3 30 15 2.00000025"},
		{"?by=hour", "2026-11-25T10:00:00Z 1 10 5 1.50; 2026-11-25T11:00:00Z 1 10 5 0.00000025; 2026-11-25T12:00:00Z 1 10 5 0.50"},
		{"?by=key", w.plain.ID + " 3 30 15 2.00000025"},
		{"?from=2026-11-25T11:45:00Z&to=2026-11-25T12:00:00Z", "claude 1 10 5 0.00000025"},
		{"?from=2026-11-25T12:10:00Z", "gpt 1 10 5 0.50"},
		{"?to=2026-11-24", ""},
	}
	for _, tt := range tests {
		var page struct{ Data []core.UsageSum }
		w.want(200, "GET", "/usage"+tt.query, "", &page)
		var got []string
		for _, r := range page.Data {
			raw, _ := json.Marshal([]any{r.Requests, r.InputTokens, r.OutputTokens})
			got = append(got, r.Group+" "+strings.NewReplacer("[", "", "]", "", ",", " ").Replace(string(raw))+" "+r.Amount.String())
		}
		if s := strings.Join(got, "; "); s != tt.want {
			t.Errorf("usage%s:\n%s, want\n%s", tt.query, s, tt.want)
		}
	}
}

func TestExport_Cut(t *testing.T) {
	w := newWorld(t)
	batch := &core.LedgerBatch{}
	for i := range exportPage + 1 {
		at := start.Add(time.Duration(i) * time.Millisecond)
		id := core.NewID(core.PrefixExchange, at)
		batch.Entries = append(batch.Entries, &core.LedgerEntry{ID: core.EntryID(id), ExchangeID: id, At: at, Outcome: core.OutcomeOK})
	}
	if _, err := w.store.WriteBatch(context.Background(), batch); err != nil {
		t.Fatal(err)
	}
	broken := &brokenStore{Store: w.store}
	service := keys.New(w.store, w.store, func() time.Time { return w.now })
	srv := httptest.NewServer(New(Deps{Keys: service, Store: broken, Ledger: w.ledger, Runtime: fakeRuntime{},
		Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler)}))
	defer srv.Close()
	r, err := http.NewRequest("GET", srv.URL+Prefix+"/ledger/export", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", adminSecret)
	resp, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the body ended as if it were whole")
	}
}

type brokenStore struct {
	*store.Store
	pages int
}

func (b *brokenStore) ListEntries(ctx context.Context, f core.EntryFilter) ([]*core.LedgerEntry, string, error) {
	if b.pages++; b.pages > 1 {
		return nil, "", io.ErrUnexpectedEOF
	}
	return b.Store.ListEntries(ctx, f)
}
