// Tries: sandbox: Intl
// Ends: throws
// Memory: 64 MiB
return new Intl.Collator().compare("a", "b") < 1
