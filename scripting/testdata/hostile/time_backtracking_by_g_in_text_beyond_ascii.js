// Tries: time: backtracking by g in text beyond ASCII
// Ends: stopped
// Memory: 64 MiB
const s = "a".repeat(80) + "ä"; for (;;) if (s.match(/(?:a|aa|aaa)+$/g)) return true
