"""Makes tokens.json with PyJWT: tokens for the Admin API, each with the status of the answer and why.

`cargo xtask tokens` runs this script, and compares. The random signatures (PS256, ES256) come from tokens.json if they are
there and fit, so that the file stays the same.
"""

import json
import sys
import warnings
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from jwt.algorithms import HMACAlgorithm
from jwt.api_jws import PyJWS
from jwt.utils import force_bytes

HERE = Path(__file__).parent
KEYS = HERE / "../../../../edge/src/testing/keys"
FIRST = (KEYS / "test-only-issuer-first.pem").read_bytes()
SECOND = (KEYS / "test-only-issuer-second.pem").read_bytes()
SERVICE_SECRET = "service-secret-of-the-tests-0123456789"
ADMIN_KEY = "admin-key-of-the-tests-0123456789abcdef"
ISSUER = "https://issuer.smartphonekey.test/"
AUDIENCE = "https://admin-api.smartphonekey.test"
# 2026-04-02T10:00:00Z, the time of the tests' clock.
NOW = 1_775_124_000
ABSENT = object()

FILE = HERE / "tokens.json"
# The tokens of the file, by all but their signature.
BEFORE = {token["token"].rpartition(".")[0]: token["token"] for token in json.loads(FILE.read_text())} if FILE.exists() else {}
tokens = []


class CarelessHmac(HMACAlgorithm):
    """HMAC that takes a public key as its secret, as an attacker does: PyJWT's own refuses."""

    def prepare_key(self, key):
        """Returns the key's bytes, whatever they are."""
        return force_bytes(key)


# Secrets that are too short are made so on purpose.
warnings.simplefilter("ignore")
SIGNER = PyJWS()
for name, digest in [("HS256", "SHA256"), ("HS384", "SHA384"), ("HS512", "SHA512")]:
    SIGNER.unregister_algorithm(name)
    SIGNER.register_algorithm(name, CarelessHmac(getattr(HMACAlgorithm, digest)))


def changed(claims, changes):
    """Returns the claims with changes; `ABSENT` takes a claim away."""
    return {name: value for name, value in (claims | changes).items() if value is not ABSENT}


def admin(**changes):
    """Returns the claims of an admin's token, with changes."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "auth0|1", "iat": NOW, "exp": NOW + 3600,
              "email": "admin@smartphonekey.com", "email_verified": True}
    return changed(claims, changes)


def service(**changes):
    """Returns the claims of the portal's service token, with changes."""
    claims = {"iss": "partner-portal", "aud": "admin-api", "iat": NOW, "exp": NOW + 60,
              "email": "partner-portal@smartphonekey.com", "act": "owner@acme-corp.com"}
    return changed(claims, changes)


def add(status, why, claims, key=FIRST, algorithm="RS256", header=None):
    """Signs claims, or any bytes, and notes what the Admin API must answer."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims, separators=(",", ":")).encode()
    header = changed({"kid": "first"}, header or {})
    token = SIGNER.encode(payload, key, algorithm=algorithm, headers=header)
    if algorithm[:2] in ("PS", "ES"):
        # Only the signature is random.
        token = BEFORE.get(token.rpartition(".")[0], token)
    tokens.append({"status": status, "why": why, "token": token})


def add_service(status, why, claims, key=SERVICE_SECRET, algorithm="HS256", header=None):
    """As `add`, for the portal's tokens, which name no key."""
    add(status, why, claims, key, algorithm, {"kid": ABSENT} | (header or {}))


def public(form, encoding):
    """Returns the issuer's public key as bytes."""
    key = serialization.load_pem_private_key(FIRST, None).public_key()
    return key.public_bytes(encoding, form)


def people():
    add(200, "an admin's token", admin())
    add(200, "the audience is one of several", admin(aud=["https://other.test", AUDIENCE]))
    add(200, "claims that nobody reads", admin(scope="openid", permissions=["a"], azp="client"))
    add(200, "nbf is in the past", admin(nbf=NOW - 10))
    add(200, "nbf is within the skew", admin(nbf=NOW + 60))
    add(200, "iat is within the skew", admin(iat=NOW + 60))
    add(200, "expired, but within the skew", admin(iat=NOW - 3600, exp=NOW - 59))
    add(200, "lives an hour", admin(iat=NOW - 1800, exp=NOW + 1800))
    add(200, "no kid, and the issuer has one key", admin(), header={"kid": ABSENT})
    add(200, "another spelling of typ", admin(), header={"typ": "at+jwt"})
    add(200, "no typ", admin(), header={"typ": ""})
    add(200, "the domain in capital letters", admin(email="admin@SmartphoneKey.COM"))

    add(401, "signed by a stranger's key", admin(), key=SECOND)
    add(401, "a stranger's key under an unknown kid", admin(), key=SECOND, header={"kid": "second"})
    add(401, "an unknown kid", admin(), header={"kid": "third"})
    add(401, "a kid of 10 KB", admin(), header={"kid": "k" * 10_240})
    add(401, "not signed", admin(), key=None, algorithm="none")
    for name in ["RS384", "RS512", "PS256", "PS384", "PS512"]:
        add(401, f"the issuer's key with {name}", admin(), algorithm=name)
    for name in ["HS256", "HS384", "HS512"]:
        pem = public(serialization.PublicFormat.SubjectPublicKeyInfo, serialization.Encoding.DER)
        add(401, f"{name} with the issuer's public key as secret", admin(), key=pem, algorithm=name)
    pkcs1 = public(serialization.PublicFormat.PKCS1, serialization.Encoding.DER)
    add(401, "HS256 with the public key in PKCS 1", admin(), key=pkcs1, algorithm="HS256")
    add(401, "HS256 with an empty secret", admin(), key="", algorithm="HS256")
    curve = ec.derive_private_key(7, ec.SECP256R1())
    add(401, "ES256", admin(), key=curve, algorithm="ES256")
    edwards = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    add(401, "EdDSA", admin(), key=edwards, algorithm="EdDSA")
    jwk = {"kty": "RSA", "n": "AQ", "e": "AQAB"}
    for name, value in [("jku", f"{ISSUER}keys"), ("x5u", f"{ISSUER}cert"), ("jwk", jwk), ("x5c", ["MII="])]:
        add(401, f"the header brings its own key: {name}", admin(), header={name: value})
    add(401, "a critical extension", admin(), header={"crit": ["exp"], "exp": NOW})
    add(401, "unencoded payload", admin(), header={"crit": ["b64"], "b64": True})

    add(401, "expired", admin(iat=NOW - 3600, exp=NOW - 61))
    add(401, "expired in 1970", admin(iat=0, exp=60))
    add(401, "never expires", admin(exp=ABSENT))
    add(401, "expires at a text", admin(exp=str(NOW + 600)))
    add(401, "expires at null", admin(exp=None))
    add(401, "expires at a list", admin(exp=[NOW + 600]))
    add(401, "expires before it begins", admin(iat=NOW, exp=NOW - 30))
    add(401, "expires when it begins", admin(iat=NOW, exp=NOW))
    add(401, "lives a second more than an hour", admin(exp=NOW + 3601))
    add(401, "lives a day, Auth0's default", admin(exp=NOW + 86_400))
    add(401, "lives 30 days, and is almost over", admin(iat=NOW - 2_592_000, exp=NOW + 60))
    add(401, "a life beyond all numbers", admin(exp=2**63 - 1))
    add(401, "a life beyond 64 bits", admin(exp=2**64))
    add(401, "an exponent", admin(exp=1e300))
    add(401, "iat is absent", admin(iat=ABSENT))
    add(401, "iat is to come", admin(iat=NOW + 61))
    add(401, "iat is a text", admin(iat=str(NOW)))
    add(401, "nbf is to come", admin(nbf=NOW + 61))
    add(401, "nbf is a truth", admin(nbf=True))
    add(401, "no issuer", admin(iss=ABSENT))
    add(401, "the issuer without its slash", admin(iss=ISSUER[:-1]))
    add(401, "another tenant's issuer", admin(iss="https://evil.smartphonekey.test/"))
    add(401, "issuers in a list", admin(iss=[ISSUER]))
    add(401, "no audience", admin(aud=ABSENT))
    add(401, "another's audience", admin(aud="https://other.test"))
    add(401, "an empty list of audiences", admin(aud=[]))
    add(401, "the audience as an object", admin(aud={"0": AUDIENCE}))
    add(401, "the audience with a slash", admin(aud=AUDIENCE + "/"))
    add(401, "the audience of service tokens", admin(aud="admin-api"))
    add(401, "claims in a list", b"[]")
    add(401, "claims in a text", b'"claims"')
    add(401, "no claims", b"")
    add(401, "claims that are no JSON", b"{")
    add(401, "claims that are no UTF-8", b'{"iss":"\xff"}')

    add(403, "the address is not verified", admin(email_verified=False))
    add(403, "nothing says that the address is verified", admin(email_verified=ABSENT))
    add(403, "verified says the text", admin(email_verified="true"))
    add(403, "verified says the number", admin(email_verified=1))
    add(403, "verified says null", admin(email_verified=None))
    add(403, "one of two claims says verified", admin(**{"email_verified": False, "https://x.test/email_verified": True}))
    for email in [ABSENT, None, "", "@smartphonekey.com", "admin@smartphonekey.com.evil.test",
                  "admin@evil-smartphonekey.com", "admin@mail.smartphonekey.com", "admin@smartphonekey.com.",
                  "admin@smartphonekey.com ", " admin@smartphonekey.com", "admin@evil.test@smartphonekey.com",
                  "admin@smartphonekey.co", "admin@ѕmartphonekey.com", "admin@smartphonekey.com\n",
                  ["admin@smartphonekey.com"], {"address": "admin@smartphonekey.com"}]:
        shown = "is absent" if email is ABSENT else f"is {json.dumps(email)}"
        add(403, f"the address {shown}", admin(email=email))


def portal():
    add_service(200, "the portal's token", service())
    add_service(200, "the portal's clock is five seconds ahead", service(iat=NOW + 5, exp=NOW + 60))
    add_service(200, "expired, but within the skew", service(iat=NOW - 100, exp=NOW - 50))
    add_service(401, "lives 61 seconds", service(exp=NOW + 61))
    add_service(401, "lives 61 seconds, one of them over", service(iat=NOW - 1))
    add_service(401, "lives an hour", service(exp=NOW + 3600))
    add_service(401, "ends later than a minute from now", service(iat=NOW + 5, exp=NOW + 65))
    add_service(401, "iat is six seconds ahead", service(iat=NOW + 6, exp=NOW + 60))
    add_service(401, "iat is absent", service(iat=ABSENT))
    add_service(401, "exp is absent", service(exp=ABSENT))
    add_service(401, "ends when it begins", service(exp=NOW))
    add_service(401, "ends before it begins", service(iat=NOW + 4, exp=NOW + 3))
    add_service(401, "expired", service(iat=NOW - 121, exp=NOW - 61))
    add_service(401, "nbf is to come", service(nbf=NOW + 61))
    add_service(401, "speaks for nobody", service(act=ABSENT))
    add_service(401, "speaks for an empty address", service(act=""))
    add_service(401, "speaks for several", service(act=["a@acme-corp.com", "b@acme-corp.com"]))
    add_service(401, "the person as an object, as in RFC 8693", service(act={"sub": "owner@acme-corp.com"}))
    add_service(401, "speaks for what is no address", service(act="owner"))
    add_service(401, "another issuer", service(iss=ISSUER))
    add_service(401, "another audience", service(aud=AUDIENCE))
    add_service(401, "another's address", service(email="admin@smartphonekey.com"))
    add_service(401, "no address", service(email=ABSENT))
    add_service(401, "HS384", service(), algorithm="HS384")
    add_service(401, "HS512", service(), algorithm="HS512")
    add_service(401, "not signed", service(), key=None, algorithm="none")
    add_service(401, "signed with the admin key", service(), key=ADMIN_KEY)
    add_service(401, "signed with half the secret", service(), key=SERVICE_SECRET[:20])
    add_service(401, "a service token by the issuer", service(), key=FIRST, algorithm="RS256")
    add_service(401, "an admin's token with the service secret", admin())


if __name__ == "__main__":
    people()
    portal()
    text = "[\n" + ",\n".join(json.dumps(token) for token in tokens) + "\n]\n"
    if sys.argv[1:] == ["--write"]:
        FILE.write_text(text)
    elif not FILE.exists() or text != FILE.read_text():
        sys.exit("tokens.json is not what make.py makes: cargo xtask tokens --write")
    print(f"{len(tokens)} tokens")
