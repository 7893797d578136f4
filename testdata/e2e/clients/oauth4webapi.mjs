// npm oauth4webapi, which finds the server by RFC 8414 here.
import * as oauth from 'oauth4webapi'
import { createPrivateKey } from 'node:crypto'
import { cell, jwtBearer, shown, site, step, tokenExchange } from './cells.mjs'

const { client_id, password, pair, jwt } = site
const client = { client_id }
const issuer = new URL(site.issuer)
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2' }))

step('verify', "`discoveryRequest(issuer, { algorithm: 'oauth2' })`, `validateJwtAccessToken(server, request, audience)`")
step('introspect', '`introspectionRequest(server, client, auth, token)`')
step('revoke', '`revocationRequest(server, client, auth, token)`')

const request = (token) => new Request('https://files.example.com', { headers: { authorization: `Bearer ${token}` } })

function steps(auth, get, additionalParameters = {}) {
  return {
    get,
    verify: async (token) => (await oauth.validateJwtAccessToken(server, request(token), client_id)).sub,
    introspect: async (token) => oauth.processIntrospectionResponse(server, client,
      await oauth.introspectionRequest(server, client, auth, token, { additionalParameters })),
    revoke: async (token) => oauth.processRevocationResponse(
      await oauth.revocationRequest(server, client, auth, token, { additionalParameters })),
  }
}

// simply is a client_credentials request.
const simply = (auth, parameters = {}) => steps(auth, async () => oauth.processClientCredentialsResponse(server, client,
  await oauth.clientCredentialsGrantRequest(server, client, auth, parameters)), parameters)

// another grant needs no client authentication; who asks afterwards does.
const another = (grant, parameters) => steps(oauth.ClientSecretPost(jwt), async () => oauth.processGenericTokenEndpointResponse(server, client,
  await oauth.genericTokenEndpointRequest(server, client, oauth.None(), grant, parameters)))

const { ClientSecretBasic, ClientSecretPost, None, PrivateKeyJwt } = oauth
await cell('password-basic', '`ClientSecretBasic(appPassword)`', simply(ClientSecretBasic(password)))
await cell('password-post', '`ClientSecretPost(appPassword)`', simply(ClientSecretPost(password)))
await cell('base64-basic', '`ClientSecretBasic(pair)`', simply(ClientSecretBasic(pair)))
await cell('base64-post', '`ClientSecretPost(pair)`', simply(ClientSecretPost(pair)))
await cell('jwt-basic', '`ClientSecretBasic(jwt)`', simply(ClientSecretBasic(jwt)))
await cell('jwt-post', '`ClientSecretPost(jwt)`', simply(ClientSecretPost(jwt)))
await cell('username', '`None()`, parameters `{ username, password }`', simply(None(), shown.username))
await cell('assertion', '`None()`, parameters `{ client_assertion_type, client_assertion }`', simply(None(), shown.assertion))

const der = createPrivateKey(site.private_key).export({ type: 'pkcs8', format: 'der' })
const key = await crypto.subtle.importKey('pkcs8', der, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, false, ['sign'])
await cell('private-key', '`PrivateKeyJwt(key)`', simply(PrivateKeyJwt(key)))
await cell('jwt-bearer', `\`None()\`, \`genericTokenEndpointRequest(…, '${jwtBearer}', { assertion })\``, another(jwtBearer, shown.bearer))
await cell('token-exchange', `\`None()\`, \`genericTokenEndpointRequest(…, '${tokenExchange}', { subject_token, subject_token_type })\``,
  another(tokenExchange, shown.exchange))
