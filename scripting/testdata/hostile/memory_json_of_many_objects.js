// Tries: memory: JSON of many objects
// Ends: stopped
// Memory: 64 MiB
const s = "[" + '{"a":1},'.repeat(10000) + "1]"; const keep = []; for (;;) keep.push(JSON.parse(s))
