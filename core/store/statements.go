package store

const (
	insertEntry = `INSERT INTO entries (id, corrects, dimensions_id, key_id, at, ended_at,
		input_tokens, output_tokens, amount, latency, first_byte, end_user, detail)
		VALUES (?,?,?,?,?,?, ?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`
	upsertRollup = `INSERT INTO rollups (
		hour, organization_id, team_id, project_id, user_id, key_id, model, provider, deployment, outcome,
		requests, input_tokens, output_tokens, amount, unpriced)
		VALUES (?,?,?,?,?,?,?,?,?,?, ?,?,?,?,?)
		ON CONFLICT (hour, organization_id, team_id, project_id, user_id, key_id, model, provider, deployment, outcome) DO UPDATE SET
			requests = rollups.requests + excluded.requests,
			input_tokens = rollups.input_tokens + excluded.input_tokens,
			output_tokens = rollups.output_tokens + excluded.output_tokens,
			amount = rollups.amount + excluded.amount,
			unpriced = rollups.unpriced + excluded.unpriced`
	touchHeartbeat = `UPDATE heartbeat SET beat = beat + 1 WHERE id = 1`
)

// ledgerStatement is one of the statements that a ledger batch consists of.
type ledgerStatement int

const (
	doTouch ledgerStatement = iota
	doAddDimensions
	doFindDimensions
	doEntry
	doOpen
	doDropOpen
	doRollup
	doSavepoint
	doRelease
	doBack
	ledgerStatements int = iota
)

var ledgerSQL = [ledgerStatements]string{
	doTouch: touchHeartbeat, doAddDimensions: insertDimensions, doFindDimensions: selectDimensions,
	doEntry: insertEntry, doOpen: writeOpen, doDropOpen: deleteOpen, doRollup: upsertRollup,
	doSavepoint: "SAVEPOINT entry", doRelease: "RELEASE SAVEPOINT entry", doBack: "ROLLBACK TO SAVEPOINT entry",
}

// batchDB runs the statements of a ledger batch in one transaction. After a failure
// it is rolled back, to the savepoint or whole.
type batchDB interface {
	begin() error
	// run runs the statement, at the latest in the next flush, which may be the
	// one to fail for it. args is used again by the caller.
	run(st ledgerStatement, args ...any) error
	// flush returns how many rows each statement since the last flush changed, or
	// for doFindDimensions the number that it found. The slice is good until the next run.
	flush() ([]int64, error)
	// commit flushes as well.
	commit() error
	// rollback undoes the transaction, if there is one.
	rollback() error
	close() error
}
