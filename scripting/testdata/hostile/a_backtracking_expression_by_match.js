// Tries: a backtracking expression by match
// Ends: throws
// Memory: 64 MiB
return "a".repeat(60).concat("b").match("^(a+)+\\1$") === null
