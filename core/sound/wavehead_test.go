package sound

import (
	"encoding/hex"
	"testing"
	"time"
)

// TestWaveHead: a second of samples is one, and the head is as the format has it.
func TestWaveHead(t *testing.T) {
	head := WaveHead(48000, 24000)
	if got, want := hex.EncodeToString(head), "52494646a4bb0000"+"57415645666d742010000000"+"01000100c05d000080bb000002001000"+"64617461"+"80bb0000"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if d, ok := Duration(append(head, make([]byte, 48000)...)); !ok || d != time.Second {
		t.Errorf("it is %s long, %v", d, ok)
	}
}
