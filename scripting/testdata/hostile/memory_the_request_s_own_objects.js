// Tries: memory: the request's own objects
// Ends: stopped
// Memory: 64 MiB
const keep = []; for (;;) keep.push({...request.context.oauth_jwt}, [...request.context.oauth_jwt.a], Object.entries(request.context))
