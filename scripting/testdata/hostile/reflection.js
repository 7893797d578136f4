// Tries: reflection
// Ends: throws
// Memory: 64 MiB
return Reflect.ownKeys([]).length > 0
