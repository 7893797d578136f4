// Tries: chance
// Ends: throws
// Memory: 64 MiB
return Math.random() < 2
