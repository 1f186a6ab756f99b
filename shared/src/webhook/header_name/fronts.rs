//! The words by which a proxy, a CDN, a gateway or a sign-in front tells an application who is calling, how the request
//! came, or that the caller was checked.

use super::CREDENTIALS;
use crate::webhook::words::any;

/// Parts of words, in lower case. A name with a word that holds one speaks as a front.
const PARTS: &[&str] = &[
    // Who is calling.
    "user usr remote principal identity identifier subject claim assertion consumer credential affiliation caller \
     employee email group role permission entitlement privilege distinguished anonymous msisdn",
    // That the caller was checked, or acts for another.
    "authenticat authoriz authoris authentik authelia windowsauth webauth verified confirmed whitelist superadmin \
     validated trusted impersonat masquerad runas delegat behalf elevat bypass noauth skipauth preauth attest \
     internal csrf xsrf forgery requestverification login logon introspect",
    // The way that the request came.
    "forward proxy proxied gateway ingress egress upstream downstream original origin rewrite sidecar balancer router \
     peer cert mtls spiffe frontend frontdoor firewall sendfile",
    // Protocols of sign-in.
    "oauth openid oidc saml kerberos ntlm negotiate shib siteminder passport federat adfs wsfed ltpa gssapi spnego \
     mellon",
    // Products that stand before applications.
    "akamai amzn apache apicast 3scale ambassador approuter atlassian axway barracuda apigee apigw apisix appengine \
     appservice appspot auth0 azure beyondcorp zerotrust bigip caddy casdoor commonaccess citrix cloudtask cloudflare \
     cloudfront cognito easyauth edgecast edgegrid envoy fortigate fortiweb frontegg fusionauth glassfish fastly \
     firebase forgerock goog gravitee haproxy heroku imperva incap istio keycloak knative kong krakend kube linkerd \
     mashery mulesoft netskope netlify ngrok netscaler nginx oathkeeper openam okta openresty openshift pingaccess \
     pingfed pomerium rapidapi rancher serverless sigsci smsession supertoken stunnel sucuri tailscale tunnel \
     teleport traefik varnish vercel wallarm weblogic websphere workos zitadel ziti zuplo zscaler zuul",
];

/// Whole words, in lower case: too short to be looked for within others.
const WORDS: &[&str] = &[
    "aad accel acr act actor ad ajp alb allowed amr amz approved arr assume authn authz aws b3 cas cdn cf checked \
     clerk cn dapr dex dn dpop easy edge elb entra entraid eppn f5 fd fly fwd gap gcp gfe granted gss gw host http \
     https iap id ident idp idtoken iis imsi ip iv jwt k8s l5d lb ldap member mesh method mfa ms nameid nf ns nsc oam \
     oid ory otp override pa passed person pf php ping pki proof real redirect refresh root scope scopes sid sm ssl \
     sso st sts sub sudo super tls true trust tyk uid upn valid via viewer vouch waf who whoami wso2 x509 xfcc zumo",
];

/// Pairs of words that speak as a front together, and not apart.
const PAIRS: &[&str] =
    &["auth-request auth-type run-as cloud-run front-door logged-in name-id signed-in no-auth skip-auth \
     pre-auth zero-trust common-access"];

/// What a word may end in beside a credential, where words are written together.
const JOINTS: &[&str] = &["access", "api", "client", "session"];

/// Whether a folded header name has the words of a front.
pub(super) fn speaks_as_one(folded: &str) -> bool {
    for word in folded.split('-') {
        let stem = stem(word);
        let whole = [word, stem, stem.strip_prefix('x').unwrap_or(stem)];
        if any(WORDS, &|front| whole.contains(&front)) || any(PARTS, &|front| word.contains(front)) {
            return true;
        }
    }
    any(PAIRS, &|front| folded.contains(front))
}

/// A word without the credential that is written together with it: `ssotoken` is `sso`.
fn stem(mut word: &str) -> &str {
    for ends in [CREDENTIALS, JOINTS, CREDENTIALS] {
        for end in ends {
            word = word.strip_suffix(end).unwrap_or(word);
        }
    }
    word
}
