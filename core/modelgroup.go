package core

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// GroupPrefix begins an entry of a list of models that stands for a group of them.
const GroupPrefix = "group:"

// ModelGroup is a list of aliases under a name. Wherever models are listed,
// "group:" and the name stand for what it lists at the time.
type ModelGroup struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"` // for good; no two living groups have the same
	Models    []string   `json:"models"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
	DeletedAt *time.Time `json:"deleted_at,omitempty"`
}

// CheckGroupName refuses names that are not 1 to 64 letters, digits, dots, dashes
// or underscores. The error is CodeInvalidRequest at "name".
func CheckGroupName(name string) error {
	if !groupName(name) {
		return Invalid("name", "must be 1 to 64 letters (a to z), digits, dots, dashes or underscores")
	}
	return nil
}

func groupName(name string) bool {
	return name != "" && len(name) <= 64 && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}

// maxModels and maxModelName bound a list of models: it is gone through at every request.
const (
	maxModels    = 1000
	maxModelName = 256
)

// CheckModels refuses lists of models that nothing can match: of the names of
// aliases any may stand in one, since aliases come and go. The error is
// CodeInvalidRequest at "models" or one of its entries.
func CheckModels(models []string) error {
	if len(models) > maxModels {
		return Invalid("models", "must not have more than %d entries", maxModels)
	}
	for i, m := range models {
		at := "models[" + strconv.Itoa(i) + "]"
		if m == "" || len(m) > maxModelName {
			return Invalid(at, "must be 1 to %d bytes", maxModelName)
		}
		if name, ok := strings.CutPrefix(m, GroupPrefix); ok && !groupName(name) {
			return Invalid(at, "%q is no name of a group", name)
		}
	}
	return nil
}

// CheckGroupModels is [CheckModels] for the list of a group, which holds no other groups.
func CheckGroupModels(models []string) error {
	for i, m := range models {
		if strings.HasPrefix(m, GroupPrefix) {
			return Invalid("models["+strconv.Itoa(i)+"]", "a group lists aliases and no other groups")
		}
	}
	return CheckModels(models)
}

// ModelGroupFilter narrows ListModelGroups; nil fields do not filter.
type ModelGroupFilter struct {
	Name *string
	Page
}

// ModelGroupStore keeps model groups, by the rules of the stores of owners.
type ModelGroupStore interface {
	CreateModelGroup(ctx context.Context, g *ModelGroup) error
	FindModelGroupByID(ctx context.Context, id string) (*ModelGroup, error)
	ListModelGroups(ctx context.Context, f ModelGroupFilter) (list []*ModelGroup, next string, err error)
	// UpdateModelGroup gives it another list.
	UpdateModelGroup(ctx context.Context, id string, models []string, now time.Time) (*ModelGroup, error)
	// DeleteModelGroup is CodeConflict, with how many of what use it, while a
	// living key or owner names it.
	DeleteModelGroup(ctx context.Context, id string, now time.Time) error
	// FindModelGroups returns what the living groups of the names list, by name.
	FindModelGroups(ctx context.Context, names []string) (map[string][]string, error)
}
