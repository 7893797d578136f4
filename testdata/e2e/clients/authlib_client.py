"""Debian's python3-authlib, whose JOSE verifies, too."""
import urllib.parse

import authlib
from authlib.integrations.requests_client import AssertionSession, OAuth2Session
from authlib.jose import JsonWebKey, JsonWebToken
from authlib.oauth2.rfc7523 import PrivateKeyJWT

from cells import ASSERTION, EXCHANGE, JWT_BEARER, TOKEN_EXCHANGE, USERNAME, cell, say, site, step

ID = site["client_id"]
say(version=authlib.__version__)
step("verify", "`JsonWebToken(algorithms).decode(token, JsonWebKey.import_key_set(keys), claims_options=…)`; it finds neither the metadata nor the keys by itself")
step("introspect", "`session.introspect_token(url, token)`")
step("revoke", "`session.revoke_token(url, token)`")

web = OAuth2Session()
server = web.get(site["issuer"] + "/.well-known/openid-configuration", withhold_token=True).json()
TOKEN, INTROSPECT, REVOKE = server["token_endpoint"], server["introspection_endpoint"], server["revocation_endpoint"]


def verified(token):
    keys = JsonWebKey.import_key_set(web.get(server["jwks_uri"], withhold_token=True).json())
    options = {"iss": {"essential": True, "value": server["issuer"]}, "aud": {"essential": True, "value": ID}}
    claims = JsonWebToken(server["id_token_signing_alg_values_supported"]).decode(token, keys, claims_options=options)
    claims.validate()
    return claims["sub"]


def steps(session, holder=None, extra=None, **fetch):
    """Gets a token by one session, asks about it and revokes it by that of its holder."""
    holder, body = holder or session, urllib.parse.urlencode(extra or {})

    def run():
        token = session.fetch_token(TOKEN, **fetch)["access_token"]
        sub = verified(token)
        before = holder.introspect_token(INTROSPECT, token, body=body).json()
        holder.revoke_token(REVOKE, token, body=body).raise_for_status()
        after = holder.introspect_token(INTROSPECT, token, body=body).json()
        return {"token": token, "verified": sub, "active": [before["active"], after["active"]]}

    return run


def simply(secret, method, register=None):
    session = OAuth2Session(ID, secret, token_endpoint_auth_method=method, revocation_endpoint_auth_method=method)
    if register:
        session.register_client_auth_method(register)
    return session


def client_credentials(session, **more):
    return steps(session, grant_type="client_credentials", **more)


BASIC, POST = "client_secret_basic", "client_secret_post"
SAYS_POST = ", `token_endpoint_auth_method='client_secret_post'` and `revocation_endpoint_auth_method` the same"
for form, name, secret in (("password", "app_password", site["password"]), ("base64", "pair", site["pair"]), ("jwt", "jwt", site["jwt"])):
    cell(form + "-basic", f"`OAuth2Session(id, {name})`", client_credentials(simply(secret, BASIC)))
    cell(form + "-post", f"`OAuth2Session(id, {name})`" + SAYS_POST, client_credentials(simply(secret, POST)))

cell("username", "`OAuth2Session(id)`, `fetch_token(url, grant_type='client_credentials', username=…, password=…)`",
     client_credentials(OAuth2Session(ID), extra=USERNAME, **USERNAME))
cell("assertion", "`OAuth2Session(id)`, `fetch_token(url, grant_type='client_credentials', client_assertion_type=…, client_assertion=…)`",
     client_credentials(OAuth2Session(ID), extra=ASSERTION, **ASSERTION))
cell("private-key", "`OAuth2Session(id, private_key)` with both methods `'private_key_jwt'`, `register_client_auth_method(PrivateKeyJWT(token_endpoint))`",
     client_credentials(simply(site["private_key"], "private_key_jwt", PrivateKeyJWT(TOKEN))))
cell("jwt-bearer", f"`OAuth2Session(id)`, `fetch_token(url, grant_type='{JWT_BEARER}', assertion=…)`",
     steps(OAuth2Session(ID), simply(site["jwt"], POST), grant_type=JWT_BEARER, assertion=site["jwt"]))


class SelfSigned:
    """An AssertionSession, which signs for the client itself, to steps()."""

    session = AssertionSession(TOKEN, issuer=ID, subject=ID, key=site["private_key"], header={"alg": "RS256"})

    def fetch_token(self, url):
        return self.session.refresh_token()


cell("jwt-bearer", "`AssertionSession(token_endpoint, issuer=id, subject=id, key=private_key, header={'alg': 'RS256'})`, which signs for the client itself",
     steps(SelfSigned(), simply(site["private_key"], "private_key_jwt", PrivateKeyJWT(TOKEN))))
cell("token-exchange", f"`OAuth2Session(id)`, `fetch_token(url, grant_type='{TOKEN_EXCHANGE}', subject_token=…, subject_token_type=…)`",
     steps(OAuth2Session(ID), simply(site["jwt"], POST), grant_type=TOKEN_EXCHANGE, **EXCHANGE))
