// What the clients of Node have in common: a cell of the table is a form in
// which a client shows who it is, and what came of it.
import { readFileSync } from 'node:fs'

// site is what the test says: addresses, and what there is to show.
export const site = JSON.parse(readFileSync(0, 'utf8'))

const say = (record) => console.log(JSON.stringify(record))

export const step = (step, how) => say({ step, how })

export const notOffered = (form, why) => say({ form, not_offered: why })

// cell gets a token, verifies it, and introspects it before and after it has
// revoked it. A step that fails fails the cell, and the next one is tried.
export async function cell(form, how, { get, verify, introspect, revoke }) {
  try {
    const token = (await get()).access_token
    const verified = await verify(token)
    const before = await introspect(token)
    await revoke(token)
    const after = await introspect(token)
    say({ form, how, token, verified, active: [before.active, after.active] })
  } catch (err) {
    say({ form, how, error: `${err.stack}\n${JSON.stringify(err.cause ?? {})}` })
  }
}

export const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
export const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
export const jwtType = 'urn:ietf:params:oauth:token-type:jwt'

// shown are the parameters of the forms that are no client authentication of
// the standard client: each client can add them.
export const shown = {
  username: { username: site.account, password: site.password },
  assertion: { client_assertion_type: assertionType, client_assertion: site.jwt },
  bearer: { assertion: site.jwt },
  exchange: { subject_token: site.jwt, subject_token_type: jwtType },
}
