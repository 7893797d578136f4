// Tries: a backtracking expression by replace
// Ends: finding
// Memory: 64 MiB
return "ä".concat("a".repeat(60), "b").replace(/(?:a+)+$/g, "") !== ""  && !/^(a+)+\1$/.test("a".repeat(60) + "b")
