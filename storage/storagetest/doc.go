// Package storagetest says by tests what every kind of storage must do. A kind
// of storage runs the one suite, and adds tests for what is its own.
package storagetest
