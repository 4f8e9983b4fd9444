package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

const (
	writeOpen = `INSERT INTO open_batches (node_id, slot, seq, records) VALUES (?,?,?,?)
		ON CONFLICT (node_id, slot) DO UPDATE SET seq = excluded.seq, records = excluded.records`
	deleteOpen  = `DELETE FROM open_batches WHERE node_id = ? AND slot = ? AND seq = ?`
	selectOpen  = `SELECT node_id, slot, seq, records FROM open_batches ORDER BY seq`
	selectKnown = `SELECT id FROM entries WHERE id IN `
)

// openRecord is one exchange within a batch of open_batches.
type openRecord struct {
	ExchangeID string     `json:"id"`
	At         int64      `json:"at"`
	Dimensions int64      `json:"dimensions"`
	Reserved   int64      `json:"reserved"`
	Usage      core.Usage `json:"usage"`
	EndUser    string     `json:"end_user"` // absent when ""
	Tags       []string   `json:"tags"`     // absent when empty
}

func appendOpenRecord(b []byte, r *openRecord) []byte {
	b = scan.AppendString(append(b, `{"id":`...), r.ExchangeID)
	b = strconv.AppendInt(append(b, `,"at":`...), r.At, 10)
	b = strconv.AppendInt(append(b, `,"dimensions":`...), r.Dimensions, 10)
	b = strconv.AppendInt(append(b, `,"reserved":`...), r.Reserved, 10)
	b = appendUsage(append(b, `,"usage":`...), &r.Usage)
	if r.EndUser != "" {
		b = scan.AppendString(append(b, `,"end_user":`...), r.EndUser)
	}
	if len(r.Tags) > 0 {
		b = scan.AppendStrings(append(b, `,"tags":`...), r.Tags)
	}
	return append(b, '}')
}

// slot is a row of open_batches.
type slot struct {
	node   string
	number int64
}

// openIndex knows which slots hold which exchanges, so that a slot can be used
// again after the last of them. It follows from the tables alone.
type openIndex struct {
	slots map[string][]slot  // by exchange: nearly always one
	left  map[slot]int       // exchanges without an entry
	free  map[string][]int64 // by node: slots with nothing left
	next  map[string]int64   // by node: the first slot that was never used
	seq   int64
	stale []openRow // rows found with nothing left: they go
}

// readIndex reads the index if it is not known.
func (w *ledgerWriter) readIndex(ctx context.Context, q querier) error {
	if w.index != nil {
		return nil
	}
	rows, err := readOpen(ctx, q)
	if err != nil {
		return err
	}
	x := &openIndex{slots: map[string][]slot{}, left: map[slot]int{}, free: map[string][]int64{}, next: map[string]int64{}}
	for _, row := range rows {
		if w.unsure != nil && w.unsure.open[slotUse{row.slot, row.seq}] {
			row.records = nil // they were refused
		}
		x.seq = max(x.seq, row.seq)
		x.next[row.node] = max(x.next[row.node], row.number+1)
		for _, r := range row.records {
			x.add(row.slot, r.ExchangeID)
		}
		if len(row.records) == 0 {
			x.stale = append(x.stale, row)
		}
	}
	w.index = x
	return nil
}

func (x *openIndex) add(s slot, exchange string) {
	x.slots[exchange] = append(x.slots[exchange], s)
	x.left[s]++
}

// settle takes the exchange out of its slots.
func (x *openIndex) settle(exchange string) {
	for _, s := range x.slots[exchange] {
		if x.left[s]--; x.left[s] == 0 {
			delete(x.left, s)
			x.free[s.node] = append(x.free[s.node], s.number)
		}
	}
	delete(x.slots, exchange)
}

// take returns a slot of the node with nothing in it.
func (x *openIndex) take(node string) slot {
	if free := x.free[node]; len(free) > 0 {
		x.free[node] = free[:len(free)-1]
		return slot{node, free[len(free)-1]}
	}
	x.next[node]++
	return slot{node, x.next[node] - 1}
}

// dropStale deletes rows that were found with nothing left, unless their node
// has used them again.
func (w *ledgerWriter) dropStale() error {
	for _, row := range w.index.stale {
		if err := w.db.run(doDropOpen, row.node, row.number, row.seq); err != nil {
			return err
		}
	}
	w.index.stale = nil
	return nil
}

// addOpen stores the batch's open exchanges, one row for each node.
func (w *ledgerWriter) addOpen(list []*core.OpenExchange) error {
	rows, err := resolve(w, list, openDimensions)
	if err != nil {
		return err
	}
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].NodeID == list[0].NodeID {
			n++
		}
		if err := w.addOpenRow(list[:n], rows); err != nil {
			return err
		}
		list, rows = list[n:], rows[n:]
	}
	return nil
}

func (w *ledgerWriter) addOpenRow(list []*core.OpenExchange, rows []*dimensionRow) error {
	b := w.text[:0]
	for i, o := range list {
		b = appendOpenRecord(append(b, ','), &openRecord{clean(o.ExchangeID), nanos(o.At), rows[i].id, int64(o.Reserved), o.Usage,
			clean(o.EndUser), cleanList(o.Tags)})
	}
	w.text = scan.CloseArray(b, 0)
	at := w.index.take(clean(list[0].NodeID))
	w.index.seq++
	if err := w.db.run(doOpen, at.node, at.number, w.index.seq, string(w.text)); err != nil {
		return err
	}
	w.written = append(w.written, slotUse{at, w.index.seq})
	for _, o := range list {
		w.index.add(at, clean(o.ExchangeID))
	}
	return nil
}

// ListOpen implements [core.LedgerStore].
func (s *Store) ListOpen(ctx context.Context, exceptNode string) ([]*core.OpenExchange, error) {
	s.writes.Lock()
	if s.ledger != nil {
		s.ledger.index = nil // what another node has put on record is about to be settled here
	}
	s.writes.Unlock()
	var open []*core.OpenExchange
	err := s.snapshot(ctx, "list open exchanges", func(tx *sql.Tx) error {
		rows, err := readOpen(ctx, tx)
		if err != nil {
			return err
		}
		dims, err := readDimensions(ctx, tx)
		if err != nil {
			return err
		}
		latest := map[string]*core.OpenExchange{}
		for _, row := range rows {
			for _, r := range row.records {
				latest[r.ExchangeID] = r.exchange(row.node, dims[r.Dimensions])
			}
		}
		for _, o := range latest {
			if exceptNode == "" || o.NodeID != exceptNode {
				open = append(open, o)
			}
		}
		return nil
	})
	slices.SortFunc(open, func(a, b *core.OpenExchange) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(a.ExchangeID, b.ExchangeID)
	})
	return open, err
}

func (r *openRecord) exchange(node string, d *dimensions) *core.OpenExchange {
	o := &core.OpenExchange{ExchangeID: r.ExchangeID, NodeID: node, At: fromNanos(r.At), Usage: r.Usage, Reserved: core.Nano(r.Reserved),
		EndUser: r.EndUser, Tags: r.Tags}
	if d != nil {
		o.Project, o.ParentKeyID, o.Key, o.Organization, o.Team, o.User, o.Endpoint, o.Stream = d.project, d.parentKey, d.key, d.organization, d.team, d.user, d.endpoint, d.stream
		o.RequestedModel, o.DeployedModel, o.Provider, o.Deployment = d.requestedModel, d.deployedModel, d.provider, d.deployment
		o.PriceID, o.Unpriced = d.priceID, d.unpriced
	}
	return o
}

// openRow is a row of open_batches with those of its exchanges that have no entry.
type openRow struct {
	slot
	seq     int64
	records []openRecord
}

// readOpen reads what is open, oldest batch first.
func readOpen(ctx context.Context, q querier) ([]openRow, error) {
	rows, err := queryAll(ctx, q, func(rows *sql.Rows) (row openRow, err error) {
		var text string
		if err = rows.Scan(&row.node, &row.number, &row.seq, &text); err != nil {
			return row, err
		}
		if err = json.Unmarshal([]byte(text), &row.records); err != nil {
			err = fmt.Errorf("open batch %s %d: %w", row.node, row.number, err)
		}
		return row, err
	}, selectOpen)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if rows[i].records, err = withoutEntry(ctx, q, rows[i].records); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// withoutEntry drops the records whose exchange is in the ledger.
func withoutEntry(ctx context.Context, q querier, records []openRecord) ([]openRecord, error) {
	const chunk = 500 // of what a statement may bind
	settled := map[string]bool{}
	for part := range slices.Chunk(records, chunk) {
		args := make([]any, len(part))
		for i, r := range part {
			args[i] = core.EntryID(r.ExchangeID)
		}
		marks := "(?" + strings.Repeat(", ?", len(part)-1) + ")"
		ids, err := queryAll(ctx, q, scanText, selectKnown+marks, args...)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			settled[id] = true
		}
	}
	return slices.DeleteFunc(records, func(r openRecord) bool { return settled[core.EntryID(r.ExchangeID)] }), nil
}

func scanText(rows *sql.Rows) (text string, err error) {
	err = rows.Scan(&text)
	return text, err
}

// readDimensions reads the combinations that open exchanges may have.
func readDimensions(ctx context.Context, q querier) (map[int64]*dimensions, error) {
	byID := map[int64]*dimensions{}
	_, err := queryAll(ctx, q, func(rows *sql.Rows) (struct{}, error) {
		var id int64
		d := &dimensions{}
		err := rows.Scan(append([]any{&id}, d.targets()...)...)
		byID[id] = d
		return struct{}{}, err
	}, "SELECT id, "+dimensionColumns+" FROM dimensions WHERE outcome = ?", string(core.OutcomeInterrupted))
	return byID, err
}
