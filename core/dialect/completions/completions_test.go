package completions

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/tokligence/gateway/core/dialect/bridge/bridgetest"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

var suite = bridgetest.Suite{Dir: "../../../testdata/vectors/completions", Bridge: Bridge{}, ID: "cmpl-1", Whole: "completion.json", Check: checkEvents}

func TestVectors(t *testing.T) { suite.Run(t) }

// checkEvents: every chunk is one of a completion, each choice has text, and none has a delta.
func checkEvents(events []byte) (err error) {
	for event := range bytes.SplitSeq(bytes.TrimSpace(events), []byte("\n\n")) {
		data, ok := bytes.CutPrefix(event, []byte("data: "))
		if !ok || scan.Valid(data) != nil || scan.GetString(data, "object") != "text_completion" || scan.GetString(data, "id") != "cmpl-1" {
			return fmt.Errorf("bad event %q", event)
		}
		scan.Elements(scan.Get(data, "choices"), func(_ int, choice []byte) bool {
			if scan.Kind(scan.Get(choice, "text")) != '"' || scan.Get(choice, "delta") != nil {
				err = fmt.Errorf("bad choice in %q", event)
			}
			return err == nil
		})
	}
	return err
}
