package config

import (
	"errors"

	"github.com/tokligence/gateway/core/reach"
)

// checkBaseURL judges a deployment's base_url by its text. Names are judged
// again by the addresses they resolve to, when connecting; errors do not quote
// the URL, which may hold a password.
func checkBaseURL(s string, p *reach.Policy, allowPrivate bool) error {
	u, err := reach.ParseURL(s)
	switch {
	case err != nil:
		return err
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("must not have a query or fragment")
	}
	err = reach.CheckHost(u.Hostname(), p, allowPrivate)
	switch err {
	case reach.ErrNever:
		return errors.New("link-local and metadata addresses are never called")
	case reach.ErrPrivate:
		return errors.New("is a loopback or private address: set allow_private = true to call it, or name it in allow_private_hosts of [security]")
	}
	return err
}
