package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core"
)

// ceilingFlags are what a key and an owner of keys have in common: models, limits
// and a budget. Only those that were given are sent.
type ceilingFlags struct {
	budget, period, timezone, policy string
	models, guardrails               []string
	all                              bool
	rpm, tpm, parallel               int64
	thresholds                       []int
}

func (f *ceilingFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringSliceVar(&f.models, "models", nil, "model aliases, and groups of them as group:NAME, that may be used")
	fl.BoolVar(&f.all, "all-models", false, "every model may be used")
	fl.Int64Var(&f.rpm, "rpm", 0, "requests a minute")
	fl.Int64Var(&f.tpm, "tpm", 0, "tokens a minute")
	fl.Int64Var(&f.parallel, "parallel", 0, "exchanges at the same time")
	fl.StringSliceVar(&f.guardrails, "guardrails", nil, "guardrails beside those of the route")
	f.addBudget(cmd)
}

func (f *ceilingFlags) addBudget(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.budget, "budget", "", "dollars a period, such as 25.00; none takes the budget away")
	fl.StringVar(&f.period, "period", "", "of the budget: none, hour, day, week or month (a new one's default)")
	fl.StringVar(&f.timezone, "timezone", "", "IANA time zone of the period")
	fl.IntSliceVar(&f.thresholds, "thresholds", nil, "percentages of the budget at which somebody is told (80,100 in a new one)")
	fl.StringVar(&f.policy, "policy", "", "strict refuses what may not fit; shrink lowers its output cap")
}

// onto adds the members that were given to a request's body.
func (f *ceilingFlags) onto(cmd *cobra.Command, b map[string]any) {
	for member, v := range given(cmd, map[string]any{"models": f.models, "all-models": f.all, "guardrails": f.guardrails}) {
		b[member] = v
	}
	if limits := given(cmd, map[string]any{"rpm": f.rpm, "tpm": f.tpm, "parallel": f.parallel}); len(limits) > 0 {
		b["limits"] = limits
	}
	budget := given(cmd, map[string]any{"period": f.period, "timezone": f.timezone, "policy": f.policy, "thresholds": f.thresholds})
	if cmd.Flags().Changed("budget") {
		budget["amount"] = f.budget
	}
	switch {
	case f.budget == "none":
		b["budget"] = nil
	case len(budget) > 0:
		b["budget"] = budget
	}
}

// monthly makes a month the period of a new budget that says none.
func monthly(body map[string]any) {
	if budget, ok := body["budget"].(map[string]any); ok && budget["period"] == nil {
		budget["period"] = "month"
	}
}

// ceilingInfo is what the tables show of it.
type ceilingInfo struct {
	AllModels  bool `json:"all_models"`
	Models     []string
	Guardrails []string
	Limits     core.Limits
	Budget     *budgetInfo
}

func (c *ceilingInfo) write(w io.Writer) {
	if c.Models != nil { // else it is not shown to the caller
		fmt.Fprintf(w, "models\t%s\n", c.models())
	}
	if c.Limits != (core.Limits{}) {
		fmt.Fprintf(w, "limits\t%s\n", limitsText(c.Limits))
	}
	if len(c.Guardrails) > 0 {
		fmt.Fprintf(w, "guardrails\t%s\n", strings.Join(c.Guardrails, ", "))
	}
	if c.Budget != nil {
		fmt.Fprintf(w, "budget\t%s\n", c.Budget)
	}
}
