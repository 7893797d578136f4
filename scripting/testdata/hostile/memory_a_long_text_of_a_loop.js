// Tries: memory: a long text of a loop
// Ends: stopped
// Memory: 64 MiB
let s = "x"; for (;;) s += 1
