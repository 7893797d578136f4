// Tries: time: backtracking by sticky
// Ends: stopped
// Memory: 64 MiB
const r = /(?:a|aa|aaa)+$/y; for (;;) { r.lastIndex = 1; if (r.test("a".repeat(80) + "b")) return true }
