// Tries: time: numbers of long texts
// Ends: stopped
// Memory: 64 MiB
const s = "9".repeat(100000); for (;;) Number(s) + parseInt(s) + parseFloat(s)
