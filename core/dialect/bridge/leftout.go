package bridge

import "strconv"

// LeftOut are pieces of a history that a bridge leaves out. One notice tells of all of
// them: clients take some hundred header lines at most.
type LeftOut struct {
	first string
	more  int
}

// Add notes the piece that stands at the path.
func (l *LeftOut) Add(at string) {
	if l.first == "" {
		l.first = at
		return
	}
	l.more++
}

// Notice appends what is to be told: nothing where nothing was left out.
func (l *LeftOut) Notice(list []string) []string {
	switch {
	case l.first == "":
		return list
	case l.more == 0:
		return append(list, "dropped "+l.first)
	}
	return append(list, "dropped "+l.first+" and "+strconv.Itoa(l.more)+" more of its kind")
}
