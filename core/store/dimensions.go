package store

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

const (
	dimensionColumns = `key_id, key_name, organization_id, organization_name, team_id, team_name, user_id, user_name,
	endpoint, stream, requested_model, deployed_model, served_model, provider, deployment, price_id, unpriced,
	outcome, status, error_code, cache_hit, project_id, project_name, parent_key_id`
	insertDimensions = `INSERT INTO dimensions (hash, ` + dimensionColumns + `)
		VALUES (?, ?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?) ON CONFLICT (hash) DO NOTHING`
	selectDimensions = `SELECT id FROM dimensions WHERE hash = ?`
)

// dimensions is what many entries have in common. Two entries of the same key,
// route and outcome share one row of the table.
type dimensions struct {
	key, organization, team, user core.Named
	endpoint                      string
	stream                        bool
	requestedModel, deployedModel string
	servedModel                   string
	provider, deployment, priceID string
	unpriced                      bool
	outcome                       core.Outcome
	status                        int
	errorCode                     core.Code
	cacheHit                      bool
	project                       core.Named
	parentKey                     string
}

func entryDimensions(e *core.LedgerEntry) dimensions {
	return dimensions{e.Key, e.Organization, e.Team, e.User, e.Endpoint, e.Stream, e.RequestedModel, e.DeployedModel, e.ServedModel,
		e.Provider, e.Deployment, e.PriceID, e.Unpriced, e.Outcome, e.Status, e.ErrorCode, e.CacheHit, e.Project, e.ParentKeyID}
}

// openDimensions are those of the entry that o becomes if the process dies.
func openDimensions(o *core.OpenExchange) dimensions {
	return dimensions{key: o.Key, organization: o.Organization, team: o.Team, user: o.User, endpoint: o.Endpoint, stream: o.Stream,
		requestedModel: o.RequestedModel, deployedModel: o.DeployedModel, provider: o.Provider, deployment: o.Deployment,
		priceID: o.PriceID, unpriced: o.Unpriced, project: o.Project, parentKey: o.ParentKeyID, outcome: core.OutcomeInterrupted}
}

// clean makes all texts storable.
func (d *dimensions) clean() {
	for _, n := range [...]*core.Named{&d.key, &d.organization, &d.team, &d.user, &d.project} {
		n.ID, n.Name = clean(n.ID), clean(n.Name)
	}
	for _, s := range [...]*string{&d.endpoint, &d.requestedModel, &d.deployedModel, &d.servedModel, &d.provider, &d.deployment,
		&d.priceID, (*string)(&d.outcome), (*string)(&d.errorCode), &d.parentKey} {
		*s = clean(*s)
	}
}

// fields are the values in the order of dimensionColumns.
func (d *dimensions) fields() []any {
	return []any{d.key.ID, d.key.Name, d.organization.ID, d.organization.Name, d.team.ID, d.team.Name, d.user.ID, d.user.Name,
		d.endpoint, flag(d.stream), d.requestedModel, d.deployedModel, d.servedModel, d.provider, d.deployment, d.priceID, flag(d.unpriced),
		string(d.outcome), int64(d.status), string(d.errorCode), flag(d.cacheHit), d.project.ID, d.project.Name, d.parentKey}
}

// targets are where a row's columns are read to, in the order of dimensionColumns.
func (d *dimensions) targets() []any {
	return []any{&d.key.ID, &d.key.Name, &d.organization.ID, &d.organization.Name, &d.team.ID, &d.team.Name, &d.user.ID, &d.user.Name,
		&d.endpoint, &d.stream, &d.requestedModel, &d.deployedModel, &d.servedModel, &d.provider, &d.deployment, &d.priceID, &d.unpriced,
		&d.outcome, &d.status, &d.errorCode, &d.cacheHit, &d.project.ID, &d.project.Name, &d.parentKey}
}

// hash names the combination.
func (d *dimensions) hash() string {
	var text []byte
	for _, v := range d.fields() {
		switch v := v.(type) {
		case string:
			text = scan.AppendString(text, v) // quoted, so that no two combinations read alike
		case int64:
			text = strconv.AppendInt(text, v, 10)
		}
		text = append(text, ',')
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// maxKnown bounds how many combinations the writer remembers. A vendor names
// the served model, so there may be more of them than fit.
const maxKnown = 4096

// resolve returns the rows of the table that the records' combinations have, made
// if need be. They are good until the next call.
func resolve[T any](w *ledgerWriter, records []*T, of func(*T) dimensions) ([]*dimensionRow, error) {
	w.rows = w.rows[:0]
	var asked []*dimensionRow
	for _, r := range records {
		d := of(r)
		row := w.known[d]
		if row == nil {
			row = &dimensionRow{dimensions: d}
			row.clean()
			if err := w.ask(row); err != nil {
				return nil, err
			}
			asked = append(asked, row)
			if len(w.known) >= maxKnown {
				clear(w.known)
			}
			w.known[d] = row
		}
		w.rows = append(w.rows, row)
	}
	if asked == nil {
		return w.rows, nil
	}
	results, err := w.db.flush()
	if err != nil {
		return nil, err
	}
	results = results[len(results)-2*len(asked):] // of two statements for each
	for i, row := range asked {
		row.id = results[2*i+1]
	}
	return w.rows, nil
}

// ask has the combination put into the table, and its number found.
func (w *ledgerWriter) ask(row *dimensionRow) error {
	hash := row.hash()
	w.args = append(append(w.args[:0], hash), row.fields()...)
	if err := w.db.run(doAddDimensions, w.args...); err != nil {
		return err
	}
	return w.db.run(doFindDimensions, hash)
}

// dimensionRow is a combination as it is stored.
type dimensionRow struct {
	dimensions
	id int64
}
