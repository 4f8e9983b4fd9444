// Package core holds the words that every other package speaks: the nouns, the
// error codes and the contracts of the stores. It imports the standard library
// only, and nothing in it does I/O.
package core
