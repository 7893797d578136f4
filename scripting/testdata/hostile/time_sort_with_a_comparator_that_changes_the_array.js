// Tries: time: sort with a comparator that changes the array
// Ends: stopped
// Memory: 64 MiB
const a = Array.from({length: 1000}, (_, i) => i); for (;;) a.sort((x, y) => { a.push(x); return x - y })
