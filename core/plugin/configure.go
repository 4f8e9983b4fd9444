package plugin

import (
	"encoding/json"
	"fmt"

	"github.com/tokligence/gateway/pdk/abi"
)

// Configure gives an instance its configuration through call, which runs
// abi.Configure, and reads the answer. The error is that of call, a *ConfigError
// with what the plugin found wrong, or a *Fault when the answer is not one.
// Carriers use it when they open an instance.
func Configure(id string, config json.RawMessage, call func(input []byte) ([]byte, error)) error {
	input, err := json.Marshal(abi.ConfigureRequest{Config: abi.Raw(config)})
	if err != nil {
		return fmt.Errorf("plugin %s: configuration: %w", id, err)
	}
	b, err := call(input)
	if err != nil {
		return err
	}
	var reply abi.ConfigureReply
	if err := json.Unmarshal(b, &reply); err != nil {
		return &Fault{Plugin: id, Function: abi.Configure, Kind: FaultOutput, Err: err}
	}
	if len(reply.Problems) > 0 {
		return &ConfigError{Plugin: id, Problems: reply.Problems}
	}
	return nil
}
