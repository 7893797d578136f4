// Tries: time: a pattern with backtracking by search
// Ends: throws
// Memory: 64 MiB
return "a".search("(?=a)") !== 0
