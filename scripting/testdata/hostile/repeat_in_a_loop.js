// Tries: repeat in a loop
// Ends: stopped
// Memory: 64 MiB
const all = []; for (;;) all.push("xyz".repeat(10000) + all.length)
