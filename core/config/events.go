package config

// Events is [events]: what is told to webhooks.
type Events struct {
	RetentionDays int64 // how long events and their deliveries are kept
}

var eventsFields = []field[Events]{
	whole("retention_days", "30", "how long events and their deliveries are kept",
		func(e *Events) *int64 { return &e.RetentionDays }, positive[int64]),
}
