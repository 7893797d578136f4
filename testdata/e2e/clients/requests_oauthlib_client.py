"""Debian's python3-requests-oauthlib, on python3-oauthlib."""
import requests_oauthlib
from oauthlib.oauth2 import BackendApplicationClient, ServiceApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from cells import ASSERTION, USERNAME, cell, not_offered, say, site, step, step_not_offered

ID, TOKEN, REVOKE = site["client_id"], site["token_endpoint"], site["revocation_endpoint"]
say(version=requests_oauthlib.__version__)
step_not_offered("verify", "it takes access tokens as they are")
step_not_offered("introspect", "oauthlib has it for servers only")
step("revoke", "`client.prepare_token_revocation_request(url, token)` of oauthlib, sent by `session.post(…, withhold_token=True)`")


def steps(client, auth, extra=None, **fetch):
    """Gets a token and revokes it, with the credentials of its holder."""

    def run():
        session = OAuth2Session(client=client)
        token = session.fetch_token(TOKEN, **fetch)["access_token"]
        url, headers, body = client.prepare_token_revocation_request(REVOKE, token, **(extra or {}))
        session.post(url, data=body, headers=headers, auth=auth, withhold_token=True).raise_for_status()
        return {"token": token}

    return run


def backend():
    return BackendApplicationClient(ID)


for form, name, secret in (("password", "app_password", site["password"]), ("base64", "pair", site["pair"]), ("jwt", "jwt", site["jwt"])):
    cell(form + "-basic", f"`fetch_token(url, client_secret={name})`",
         steps(backend(), HTTPBasicAuth(ID, secret), client_secret=secret))
    cell(form + "-post", f"`fetch_token(url, client_secret={name}, include_client_id=True)`",
         steps(backend(), None, {"client_id": ID, "client_secret": secret}, client_secret=secret, include_client_id=True))

cell("username", "`fetch_token(url, username=…, password=…, include_client_id=True)`",
     steps(backend(), None, {"client_id": ID, **USERNAME}, include_client_id=True, **USERNAME))
cell("assertion", "`fetch_token(url, client_assertion_type=…, client_assertion=…, include_client_id=True)`",
     steps(backend(), None, {"client_id": ID, **ASSERTION}, include_client_id=True, **ASSERTION))
not_offered("private-key", "it signs no JWT for client authentication")
cell("jwt-bearer", "`ServiceApplicationClient(id, private_key, subject, issuer, audience)`, `fetch_token(url, include_client_id=True)`",
     steps(ServiceApplicationClient(ID, site["private_key"], "job/7", site["jwt_issuer"], site["jwt_audience"]),
           None, {"client_id": ID, "client_secret": site["jwt"]}, include_client_id=True))
not_offered("token-exchange", "oauthlib 3.2 has the grant for no client")
