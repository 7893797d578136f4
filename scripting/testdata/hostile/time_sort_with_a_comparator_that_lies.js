// Tries: time: sort with a comparator that lies
// Ends: stopped
// Memory: 64 MiB
const a = Array.from({length: 5000}, (_, i) => i); for (;;) a.sort(() => 1)
