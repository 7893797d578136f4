// Tries: natives that call natives
// Ends: stopped
// Memory: 64 MiB
const a = Array.from({length: 1000}, () => "x"), f = [].map; return a.map(() => a.map(() => a.map(String))).length > 0 && (() => { for (;;); })()
