// Tries: a backtracking expression
// Ends: finding
// Memory: 64 MiB
return /^(?=(a+)+$)(a+)+\1$/.test("a".repeat(60) + "b")
