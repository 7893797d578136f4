// Tries: memory: JSON of many arrays
// Ends: stopped
// Memory: 64 MiB
const s = "[" + "[],".repeat(20000) + "1]"; const keep = []; for (;;) keep.push(JSON.parse(s))
