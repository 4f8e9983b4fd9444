package config

// Responses is [responses]: what is kept of answers that clients may ask for again.
type Responses struct {
	Store         bool
	RetentionDays int64
}

var responsesFields = []field[Responses]{
	boolean("store", "true", "keep requests and answers of /v1/responses, encrypted, for those who asked, unless a request says no",
		func(r *Responses) *bool { return &r.Store }),
	whole("retention_days", "30", "how long they are kept",
		func(r *Responses) *int64 { return &r.RetentionDays }, positive[int64]),
}
