// Tries: time: backtracking by matchAll
// Ends: stopped
// Memory: 64 MiB
const s = "xx" + "a".repeat(80) + "b"; for (;;) if ([...s.matchAll(/x|(?:a|aa|aaa)+$/g)].length > 9) return true
