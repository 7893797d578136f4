// Tries: time: forEach over a Set that grows
// Ends: stopped
// Memory: 64 MiB
const s = new Set([0]); s.forEach(x => { s.delete(x); s.add(x + 1) }); return true
