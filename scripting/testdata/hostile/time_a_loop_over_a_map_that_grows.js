// Tries: time: a loop over a Map that grows
// Ends: stopped
// Memory: 64 MiB
const m = new Map([[0, 0]]); for (const [k] of m) { m.delete(k); m.set(k + 1, 0) } return true
