// Tries: chance by a computed name
// Ends: throws
// Memory: 64 MiB
return Math["ran" + "dom"]() < 2
