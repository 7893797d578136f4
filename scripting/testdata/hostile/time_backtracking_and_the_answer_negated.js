// Tries: time: backtracking, and the answer negated
// Ends: stopped
// Memory: 64 MiB
const r = /x|(?:a|aa|aaa)+$/g; r.lastIndex = 1; return !r.test("x" + "a".repeat(80) + "b")
