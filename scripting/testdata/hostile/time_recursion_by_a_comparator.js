// Tries: time: recursion by a comparator
// Ends: stopped
// Memory: 64 MiB
const f = () => [2, 1].sort(f).length; return f() > 0
