// Package serve holds the doors of m2md: the HTTP handlers by which machines,
// proxies and operators reach the engine. A door parses its own wire form,
// calls the engine and writes its own answer; it never decides. What listens,
// and with which timeouts, is for the daemon.
package serve
