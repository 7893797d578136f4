// Tries: a throw with a loop in its name
// Ends: stopped
// Memory: 64 MiB
throw {get name() { for (;;); }}
