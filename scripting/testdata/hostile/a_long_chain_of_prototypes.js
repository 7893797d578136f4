// Tries: a long chain of prototypes
// Ends: stopped
// Memory: 64 MiB
let o = {}; for (;;) o = Object.create(o)
