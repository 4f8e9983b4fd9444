package keys_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/keys"
	"github.com/tokligence/gateway/core/store"
	"github.com/tokligence/gateway/core/store/storetest"
)

// TestService_ChangeByAnotherGateway: a key that is blocked, rotated or deleted
// through one service is refused by another on the same database within a
// second, though it has just used the key.
func TestService_ChangeByAnotherGateway(t *testing.T) {
	url := storetest.Postgres(t)
	var watching sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(func() { stop(); watching.Wait() })
	gateway := func() *keys.Service {
		s, err := store.Open(t.Context(), url, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { stop(); watching.Wait(); _ = s.Close() })
		service := keys.New(s, s, time.Now)
		watching.Go(func() {
			s.Notices(ctx, func(kind core.NoticeKind) {
				if kind == core.NoticeKeys {
					service.Forget()
				}
			})
		})
		return service
	}
	here, there := gateway(), gateway()
	for what, change := range map[string]func(id string) error{
		"blocked": func(id string) error { return here.Block(t.Context(), id) },
		"deleted": func(id string) error { return here.Delete(t.Context(), id) },
		"rotated": func(id string) error { _, err := here.Rotate(t.Context(), id, 0); return err },
	} {
		k, secret := create(t, here, keys.Spec{})
		accepted(t, there, secret, time.Now())
		if err := change(k.ID); err != nil {
			t.Fatal(err)
		}
		changed := time.Now()
		for {
			if _, err := there.Authenticate(t.Context(), secret, anywhere, time.Now()); err != nil {
				break
			}
			if time.Since(changed) > time.Second {
				t.Errorf("a %s key is still taken after a second", what)
				break
			}
			time.Sleep(time.Millisecond) // another process needs time
		}
		t.Logf("%s: seen after %s", what, time.Since(changed))
	}
}
