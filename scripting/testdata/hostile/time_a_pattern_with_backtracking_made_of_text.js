// Tries: time: a pattern with backtracking made of text
// Ends: throws
// Memory: 64 MiB
return !new RegExp("(a+)+\\1$").test("a")
