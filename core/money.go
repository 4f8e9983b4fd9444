package core

import (
	"fmt"
	"math/big"
	"strings"
)

// Nano is an amount of money in nano-dollars (10⁻⁹ US dollars). An int64 holds
// ±9.2 billion dollars.
type Nano int64

// Dollar is one US dollar.
const Dollar Nano = 1e9

// String gives decimal dollars without trailing zeros, at least two decimals: "0.0105", "3.00".
func (n Nano) String() string {
	sign, u := "", uint64(n)
	if n < 0 {
		sign, u = "-", uint64(-n)
	}
	frac := strings.TrimRight(fmt.Sprintf("%09d", u%1e9), "0")
	for len(frac) < 2 {
		frac += "0"
	}
	return fmt.Sprintf("%s%d.%s", sign, u/1e9, frac)
}

// ParseDollars reads decimal dollars exactly ("25", "0.30"). More than nine
// decimals, exponents and anything beyond the range of Nano are errors.
func ParseDollars(s string) (Nano, error) {
	r, err := parseDecimal(s)
	if err != nil {
		return 0, err
	}
	r.Mul(r, big.NewRat(1e9, 1))
	if !r.IsInt() {
		return 0, fmt.Errorf("%q has more than nine decimals", s)
	}
	if !r.Num().IsInt64() {
		return 0, fmt.Errorf("%q is out of range", s)
	}
	return Nano(r.Num().Int64()), nil
}

func parseDecimal(s string) (*big.Rat, error) {
	if s == "" || strings.ContainsAny(s, "eE/_xX ") {
		return nil, fmt.Errorf("%q is not a decimal number", s)
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, fmt.Errorf("%q is not a decimal number", s)
	}
	return r, nil
}

// MarshalText writes decimal dollars, so JSON carries money as a string.
func (n Nano) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (n *Nano) UnmarshalText(b []byte) error {
	v, err := ParseDollars(string(b))
	if err == nil {
		*n = v
	}
	return err
}
