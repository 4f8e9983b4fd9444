package store

import "github.com/tokligence/gateway/core"

// ceilingColumns are those of every owner, in the order of ceilingTargets.
const ceilingColumns = "all_models, models, rpm, tpm, parallel, guardrails"

func ceilingTargets(c *core.Ceiling) []any {
	return []any{&c.AllModels, nullList{&c.Models}, &c.Limits.RPM, &c.Limits.TPM, &c.Limits.Parallel, nullList{&c.Guardrails}}
}

// ceilingValues are what a new owner's row holds.
func ceilingValues(c *core.Ceiling) []any {
	c.Default()
	return []any{flag(c.AllModels), listJSON(c.Models), c.Limits.RPM, c.Limits.TPM, c.Limits.Parallel, listJSON(c.Guardrails)}
}

// ceiling adds the assignments of what u changes.
func (w *where) ceiling(u core.CeilingUpdate) {
	if u.AllModels != nil {
		w.add("all_models = ?", flag(*u.AllModels))
	}
	if u.Models != nil {
		w.add("models = ?", listJSON(*u.Models))
	}
	if u.Guardrails != nil {
		w.add("guardrails = ?", listJSON(*u.Guardrails))
	}
	if l := u.Limits; l != nil {
		w.add("rpm = ?", l.RPM)
		w.add("tpm = ?", l.TPM)
		w.add("parallel = ?", l.Parallel)
	}
}
