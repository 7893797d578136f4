// Package scripting compiles and runs policies: JavaScript in goja.
//
// It owns what a script may see and do. It decides nothing itself, knows no
// HCL, and is the only package that knows goja.
package scripting
