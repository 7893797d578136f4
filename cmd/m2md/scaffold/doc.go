// Package scaffold writes first configurations: from a handful of answers, the
// files of a folder that validates, tests itself, and shows what to paste where
// else.
//
// It owns the questions, what an answer may be, and the templates. It asks
// nobody, and touches no disk: m2md init does. What an answer may be is narrow
// on purpose, as each stands in files of several languages; templates quote it
// for each of them all the same.
package scaffold
