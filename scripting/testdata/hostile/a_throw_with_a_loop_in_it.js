// Tries: a throw with a loop in it
// Ends: stopped
// Memory: 64 MiB
throw {get message() { for (;;); }}
