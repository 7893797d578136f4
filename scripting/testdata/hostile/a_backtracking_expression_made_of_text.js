// Tries: a backtracking expression made of text
// Ends: throws
// Memory: 64 MiB
return !new RegExp("^(a+)+\\1$").test("a".repeat(60) + "b")
