// Tries: prototype: what the meter is called
// Ends: stopped
// Memory: 64 MiB
return typeof meter === "object" || typeof charge === "function" || typeof spread === "function" || (() => { for (;;); })()
