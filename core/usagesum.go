package core

import "time"

// UsageFilter says which rollups to sum and by what. Zero fields do not filter.
type UsageFilter struct {
	From, To time.Time // whole hours, [From, To)
	// By is one of UsageDimensions.
	By                                               string
	OrganizationID, TeamID, ProjectID, UserID, KeyID string
	Reach                                            *Reach // nil: everything
	Page                                                    // the cursor is a group
}

// UsageDimensions are what usage can be summed by.
var UsageDimensions = []string{"deployment", "hour", "key", "model", "organization", "outcome", "project", "provider", "team", "user"}

// UsageSum is the sums of one group: an id, a name, or the beginning of an hour
// (RFC 3339, UTC); "" is what has none.
type UsageSum struct {
	Group        string `json:"group"`
	Requests     int64  `json:"requests"`
	InputTokens  int64  `json:"input_tokens"`
	OutputTokens int64  `json:"output_tokens"`
	Amount       Nano   `json:"amount"`
	Unpriced     int64  `json:"unpriced"`
}
