package abi

// RankRequest asks a strategy to order candidates. Core keeps all counters,
// limits and cool-downs; a strategy only ranks, so it cannot race.
type RankRequest struct {
	Route      string      `json:"route"` // the model alias
	Facts      Facts       `json:"facts"`
	Candidates []Candidate `json:"candidates"` // healthy or half open, at least two
	Seed       uint64      `json:"seed"`       // the only source of randomness
}

// Facts are what a strategy may know of a request.
type Facts struct {
	Endpoint    Endpoint `json:"endpoint"`
	Stream      bool     `json:"stream,omitempty"`
	InputTokens int64    `json:"input_tokens"` // estimate
	Tags        []string `json:"tags,omitempty"`
}

// Candidate is a deployment as a strategy sees it.
type Candidate struct {
	Deployment string   `json:"deployment"`
	Weight     float64  `json:"weight"`
	Priority   int      `json:"priority"` // lower first
	InFlight   int64    `json:"in_flight"`
	LatencyMS  float64  `json:"latency_ms"` // moving average; 0 is unknown
	TTFTMS     float64  `json:"ttft_ms"`    // time to first token, moving average; 0 is unknown
	ErrorShare float64  `json:"error_share"`
	RPM        int64    `json:"rpm"` // used in the running minute
	TPM        int64    `json:"tpm"`
	RPMLimit   int64    `json:"rpm_limit,omitempty"` // 0 is none
	TPMLimit   int64    `json:"tpm_limit,omitempty"`
	InputRate  int64    `json:"input_rate,omitempty"` // nano-dollars per million tokens; 0 is unknown or free
	OutputRate int64    `json:"output_rate,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	HalfOpen   bool     `json:"half_open,omitempty"` // cooled down, on trial
}

// RankReply is the order to try candidates in.
type RankReply struct {
	// Order holds indexes into Candidates, best first, each at most once. A
	// candidate that is left out is not tried.
	Order  []int  `json:"order"`
	Reason string `json:"reason,omitempty"` // for the log: one phrase
	// TTLMS > 0 with Shares lets core go on without asking: for that long, while
	// the candidates and their health are the same, it draws the first candidate
	// by Shares (aligned with Candidates; 0 is never first) and takes the rest in
	// the order of Order.
	TTLMS  int64     `json:"ttl_ms,omitempty"`
	Shares []float64 `json:"shares,omitempty"`
}
