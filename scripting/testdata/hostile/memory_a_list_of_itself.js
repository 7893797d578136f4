// Tries: memory: a list of itself
// Ends: stopped
// Memory: 64 MiB
let o = {}; for (;;) o = {o, p: {o}}
