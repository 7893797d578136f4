// Tries: memory: closures that keep their scopes
// Ends: stopped
// Memory: 64 MiB
const keep = []; for (;;) { const a = [keep.length], b = {a}; keep.push(() => [a, b]) }
