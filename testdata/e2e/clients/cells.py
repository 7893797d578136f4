"""What the clients of Python have in common: a cell of the table is a form in
which a client shows who it is, and what came of it."""
import json
import sys
import traceback

# site is what the test says: addresses, and what there is to show.
site = json.load(sys.stdin)

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"

# The parameters of the forms that are no client authentication of the standard
# client.
USERNAME = {"username": site["account"], "password": site["password"]}
ASSERTION = {
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_assertion": site["jwt"],
}
EXCHANGE = {
    "subject_token": site["jwt"],
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
}


def say(**record):
    print(json.dumps(record), flush=True)


def step(name, how):
    say(step=name, how=how)


def step_not_offered(name, why):
    say(step=name, not_offered=why)


def not_offered(form, why):
    say(form=form, not_offered=why)


def cell(form, how, run):
    """Does all steps of a cell; one that fails fails the cell, and the next is tried."""
    try:
        say(form=form, how=how, **run())
    except Exception:
        say(form=form, how=how, error=traceback.format_exc())
