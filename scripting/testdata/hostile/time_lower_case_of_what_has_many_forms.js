// Tries: time: lower case of what has many forms
// Ends: stopped
// Memory: 64 MiB
const s = "İΣ".repeat(10000); for (;;) s.toLowerCase()
