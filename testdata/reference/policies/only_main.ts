export default function (request: any, inputs: any): boolean {
  const jwt = request.context.oauth_jwt;
  return jwt !== null && jwt.ref === inputs.ref;
}
