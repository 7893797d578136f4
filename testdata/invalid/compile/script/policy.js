const jwt = request.context.oauth_jwt;
return jwt.sub is "x"; // # ERROR: invalid JavaScript: unexpected identifier
