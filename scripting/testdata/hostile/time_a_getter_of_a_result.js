// Tries: time: a getter of a result
// Ends: returns
// Memory: 64 MiB
return {get then() { for (;;); }}
