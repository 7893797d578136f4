// Tries: time: split of text beyond ASCII
// Ends: stopped
// Memory: 64 MiB
const s = "ä,".repeat(20000); for (;;) s.split(/,/)
