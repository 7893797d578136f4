// Package memory is storage that ends with its process: for tests, and for
// trying things out. It promises all that storage does but that anything
// survives.
package memory
