// Tries: time: repeats beyond RE2
// Ends: finding
// Memory: 64 MiB
return !/(?:a{1,999}){1,999}b/.test("a")
