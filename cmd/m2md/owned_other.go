//go:build !unix

package main

import "os"

// ownedAlone takes every file: who may write it is told elsewhere here.
func ownedAlone(*os.File) error { return nil }
