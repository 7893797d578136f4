// Tries: Array.from
// Ends: stopped
// Memory: 64 MiB
return Array.from({length: 1e9}).length > 1
