// Tries: memory: accessors, kept
// Ends: stopped
// Memory: 64 MiB
const keep = []; for (;;) keep.push({get a() { return 1 }, set a(v) {}, get b() { return 1 }})
