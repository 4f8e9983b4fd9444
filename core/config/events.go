package config

// Events is [events]: what is told to webhooks.
type Events struct {
	RetentionDays int64 // how long events and their deliveries are kept
	AllowPrivate  bool  // webhooks may lead to loopback and private addresses
}

var eventsFields = []field[Events]{
	whole("retention_days", "30", "how long events and their deliveries are kept",
		func(e *Events) *int64 { return &e.RetentionDays }, positive[int64]),
	boolean("allow_private", "false", "permit webhooks at loopback and private addresses",
		func(e *Events) *bool { return &e.AllowPrivate }),
}
