// Tries: deep JSON
// Ends: stopped
// Memory: 64 MiB
return JSON.parse("[".repeat(100000) + "]".repeat(100000)) !== null
