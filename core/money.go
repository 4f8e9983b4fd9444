package core

import (
	"fmt"
	"strconv"
	"strings"
)

// Nano is an amount of money in nano-dollars (10⁻⁹ US dollars). An int64 holds
// ±9.2 billion dollars.
type Nano int64

// Dollar is one US dollar.
const Dollar Nano = 1e9

// String gives decimal dollars without trailing zeros, at least two decimals: "0.0105", "3.00".
func (n Nano) String() string { return string(n.Append(make([]byte, 0, 24))) }

// Append appends what String gives.
func (n Nano) Append(dst []byte) []byte {
	u := uint64(n)
	if n < 0 {
		dst, u = append(dst, '-'), uint64(-n)
	}
	dst = strconv.AppendUint(dst, u/1e9, 10)
	point := len(dst)
	dst = strconv.AppendUint(dst, 1e9+u%1e9, 10) // a 1, and all nine decimals
	dst[point] = '.'
	for end := len(dst); end > point+3 && dst[end-1] == '0'; end-- {
		dst = dst[:end-1]
	}
	return dst
}

// ParseDollars reads decimal dollars exactly ("25", "0.30", "-1.5"). More than
// nine decimals, exponents and anything beyond the range of Nano are errors.
func ParseDollars(s string) (Nano, error) {
	digits, negative := strings.CutPrefix(s, "-")
	whole, frac, point := strings.Cut(digits, ".")
	if whole+frac == "" || point && frac == "" || strings.Trim(whole+frac, "0123456789") != "" {
		return 0, fmt.Errorf("%q is not a decimal number", s)
	}
	frac = strings.TrimRight(frac, "0")
	if len(frac) > 9 {
		return 0, fmt.Errorf("%q has more than nine decimals", s)
	}
	nanos := strings.TrimLeft(whole+frac+"000000000"[len(frac):], "0")
	if nanos == "" {
		return 0, nil
	}
	if negative {
		nanos = "-" + nanos
	}
	n, err := strconv.ParseInt(nanos, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is out of range", s)
	}
	return Nano(n), nil
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
