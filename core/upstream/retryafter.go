package upstream

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryAfter reads a Retry-After header: seconds, also with a fraction as some
// vendors write them, or an HTTP date (RFC 9110, section 10.2.3), which counts
// as zero when it has passed. Negative and unreadable values are none. The
// caller bounds what it believes.
func RetryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, false
	}
	if strings.Trim(value, "0123456789.") == "" {
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil || seconds > maxRetryAfter.Seconds() {
			return maxRetryAfter, err == nil
		}
		return time.Duration(seconds * float64(time.Second)), true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return max(at.Sub(now), 0), true
}

// maxRetryAfter keeps a number of seconds from overflowing; nobody waits a century.
const maxRetryAfter = 100 * 365 * 24 * time.Hour
