// Tries: replacing by prefixes
// Ends: stopped
// Memory: 64 MiB
return 'x'.repeat(60000).replace(/x/g, '$`') !== ''
