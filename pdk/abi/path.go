package abi

import (
	"errors"
	"strings"
)

// Step is one name of a path.
type Step struct {
	Name string
	Each bool // the path goes on in every element of the array
}

// ParsePath takes a path apart: names joined by dots, each but the last perhaps
// with [] behind it.
func ParsePath(path string) ([]Step, error) {
	names := strings.Split(path, ".")
	steps := make([]Step, len(names))
	for i, name := range names {
		s := &steps[i]
		s.Name = name
		if i < len(names)-1 {
			s.Name, s.Each = strings.CutSuffix(name, "[]")
		}
		if s.Name == "" || strings.ContainsAny(s.Name, "[]") {
			return nil, errors.New("a path is names joined by dots, each but the last perhaps with [] behind it")
		}
	}
	return steps, nil
}
