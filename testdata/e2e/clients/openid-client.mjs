// npm openid-client, with jose to verify: the former verifies ID tokens only.
import * as client from 'openid-client'
import * as jose from 'jose'
import { cell, jwtBearer, shown, site, step, tokenExchange } from './cells.mjs'

const { client_id: id, password, pair, jwt } = site
const discover = (secret, auth) => client.discovery(new URL(site.issuer), id, secret, auth)

step('verify', '`jwtVerify(token, createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri)), { issuer, audience })` of jose')
step('introspect', '`tokenIntrospection(config, token)`')
step('revoke', '`tokenRevocation(config, token)`')

// steps has a cell done with one configuration; who asks about the token and
// revokes it shows what the token was got with.
function steps(config, get, asks = config, extra = {}) {
  const { issuer, jwks_uri } = config.serverMetadata()
  const keys = jose.createRemoteJWKSet(new URL(jwks_uri))
  return {
    get: () => get(config),
    verify: async (token) => (await jose.jwtVerify(token, keys, { issuer, audience: id, typ: 'at+jwt' })).payload.sub,
    introspect: (token) => client.tokenIntrospection(asks, token, extra),
    revoke: (token) => client.tokenRevocation(asks, token, extra),
  }
}

const simply = (config) => client.clientCredentialsGrant(config)
const { ClientSecretBasic, ClientSecretPost, None, PrivateKeyJwt } = client

await cell('password-basic', '`discovery(server, id, undefined, ClientSecretBasic(appPassword))`', steps(await discover(undefined, ClientSecretBasic(password)), simply))
await cell('password-post', '`discovery(server, id, appPassword)`', steps(await discover(password), simply))
await cell('base64-basic', '`ClientSecretBasic(pair)`', steps(await discover(undefined, ClientSecretBasic(pair)), simply))
await cell('base64-post', '`discovery(server, id, pair)`', steps(await discover(pair), simply))
await cell('jwt-basic', '`ClientSecretBasic(jwt)`', steps(await discover(undefined, ClientSecretBasic(jwt)), simply))
await cell('jwt-post', '`discovery(server, id, jwt)`', steps(await discover(jwt), simply))

const none = await discover(undefined, None())
await cell('username', '`None()`, `clientCredentialsGrant(config, { username, password })`',
  steps(none, (config) => client.clientCredentialsGrant(config, shown.username), none, shown.username))
await cell('assertion', '`None()`, `clientCredentialsGrant(config, { client_assertion_type, client_assertion })`',
  steps(none, (config) => client.clientCredentialsGrant(config, shown.assertion), none, shown.assertion))

const key = await jose.importPKCS8(site.private_key, 'RS256')
await cell('private-key', '`discovery(server, id, undefined, PrivateKeyJwt(key))`', steps(await discover(undefined, PrivateKeyJwt(key)), simply))

const holder = await discover(undefined, ClientSecretPost(jwt))
await cell('jwt-bearer', `\`None()\`, \`genericGrantRequest(config, '${jwtBearer}', { assertion })\``,
  steps(none, (config) => client.genericGrantRequest(config, jwtBearer, shown.bearer), holder))
await cell('token-exchange', `\`None()\`, \`genericGrantRequest(config, '${tokenExchange}', { subject_token, subject_token_type })\``,
  steps(none, (config) => client.genericGrantRequest(config, tokenExchange, shown.exchange), holder))
