// Tries: a backtracking expression by lastIndex
// Ends: stopped
// Memory: 64 MiB
const r = /^.(?:a|aa)+$|(?:a|aa|aaa)+c/g; r.lastIndex = 1; return !r.test("x" + "a".repeat(80) + "b")
