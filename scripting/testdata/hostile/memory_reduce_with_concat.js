// Tries: memory: reduce with concat
// Ends: stopped
// Memory: 64 MiB
const a = Array.from({length: 1000}, (_, i) => [i, i]); const keep = []; for (;;) keep.push(a.reduce((x, y) => x.concat(y), []))
