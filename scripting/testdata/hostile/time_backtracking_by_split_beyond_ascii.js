// Tries: time: backtracking by split in text beyond ASCII
// Ends: stopped
// Memory: 64 MiB
const s = "a".repeat(80) + "ä"; return s.split(/(?:a|aa|aaa)+$/).length === 1
