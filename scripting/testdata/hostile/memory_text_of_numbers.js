// Tries: memory: text of numbers
// Ends: stopped
// Memory: 64 MiB
const keep = []; for (let i = 0; ; i++) keep.push((i / 3).toString(2), (i / 7).toFixed(100))
