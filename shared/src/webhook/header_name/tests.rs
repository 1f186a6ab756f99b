use proptest::prelude::*;

use super::*;

#[test]
fn ordinary_names_are_accepted_as_given() {
    for name in ["X-Api-Key", "x-api-key", "X_API_KEY", "Token", "X-Partner.Token", "!#$%&'*+-.^_`|~9Key"] {
        assert_eq!(HeaderName::parse(name).unwrap().as_str(), name);
    }
}

#[test]
fn names_by_which_an_endpoint_checks_a_token_are_accepted() {
    let names = "
        X-API-Key X-Webhook-Token X-Auth-Token X-Auth-Key X-Auth-Secret Api-Key ApiKey apikey X-ApiKey Token Secret Key X-Key X-Token
        X-Secret X-Auth X-Acme-Token X-Acme-Key X-Acme-Secret X-Acme-Auth X-Hook-Token X-Hub-Secret X-Partner-Key X-Access-Token
        X-Access-Key X-Shared-Secret X-Webhook-Secret X-Webhook-Key X-Webhook-Auth X-Webhook-Password X-Verification-Token
        X-Gitlab-Token Private-Token X-Functions-Key Ocp-Apim-Subscription-Key X-Hasura-Admin-Secret X-Vault-Token
        X-Custom-Auth X-Demo-Auth-Token X-Auth-Notify-Key X-Client-Secret X-Account-Token X-Session-Token X-Admin-Api-Key
        X-Service-Token X-SmartphoneKey-Token HostessKey X-Integration-Key X-Bearer-Token X-Personal-Access-Token
        X_WEBHOOK_TOKEN x.webhook.token X-Team-Token X-Environment-Key X-Source-Secret X-Custom-Key X-Tenant-Key X-Customer-Token
        X-Organization-Secret X-Company-Auth X-Access-Control-Key X-Endpoint-Secret X-Callback-Token X-Receiver-Password
        X-Notification-Key X-Event-Token X-Consul-Token X-Backend-Key X-Shopify-Access-Token X-Slack-Token X-Plex-Token
        Bearer-Token X-Pre-Shared-Key X-Automation-Webhook-Token X-Passkey X-PartnerKey MyToken X-WebhookToken WebhookSecret
        X-Voucher-Token X-Trustpilot-Key X-Acme-ApiKey X-Zapier-Secret X-Make-ApiKey X-N8N-Api-Key X-Monday-Token X-Region-Key
        X-Storage-Key X-Staging-Token X-Prod-Api-Key X-Signing-Secret X-Verify-Token X-Latest-Token X-Statusnotification-Auth
        X-Postman-Token X-Parse-Rest-Api-Key X-Figma-Token X-Airtable-Secret X-Linear-Key X-Intercom-Token X-Crm-Auth";
    for name in names.split_whitespace() {
        assert!(HeaderName::parse(name).is_ok(), "{name}");
    }
}

#[test]
fn names_by_which_a_front_tells_who_is_calling_are_refused_however_they_are_written() {
    let names = "
        X-Forwarded-For X-Forwarded-User X-Forwarded-Email X-Forwarded-Groups X-Forwarded-Preferred-Username
        X-Forwarded-Access-Token X-Forwarded-Client-Cert X-Forwarded-Tls-Client-Cert Forwarded Via X-Real-IP X-Client-IP
        True-Client-IP Fastly-Client-IP X-Cluster-Client-IP CF-Connecting-IP Cf-Access-Jwt-Assertion
        Cf-Access-Authenticated-User-Email X-Auth-Request-User X-Auth-Request-Access-Token X-Auth-Request-Token
        X-Auth-Username X-Auth-User X-Auth-Email X-Auth-Roles X-Auth-Subject X-Remote-User Remote-User Remote-Groups
        Remote-Email Remote-Name REMOTE_USER HTTP_REMOTE_USER X-Remote-Group X-Remote-Extra-Scopes X-Webauth-User
        X-WEBAUTH-EMAIL X-Goog-Authenticated-User-Email X-Goog-Authenticated-User-Id X-Goog-Iap-Jwt-Assertion
        X-Serverless-Authorization X-Endpoint-Api-Userinfo X-Apigateway-Api-Userinfo X-Amzn-Oidc-Identity
        X-Amzn-Oidc-Data X-Amzn-Oidc-Accesstoken X-Amz-Security-Token X-Amzn-Mtls-Clientcert X-MS-Client-Principal
        X-MS-Client-Principal-Id X-MS-Client-Principal-Name X-MS-Token-Aad-Id-Token X-MS-Token-Aad-Access-Token
        X-Client-Cert X-Client-Verify X-Client-Dn X-SSL-Client-Cert X-SSL-Client-Verify X-SSL-Client-S-DN Ssl-Client-Cert
        X-ARR-ClientCert X-ARR-SSL X-Tls-Client-Cert Client-Cert Client-Cert-Chain X-Envoy-External-Address
        X-Envoy-Peer-Metadata X-Envoy-Original-Path X-Original-URL X-Original-Forwarded-For X-Rewrite-Url
        X-HTTP-Method-Override X-Authenticated-User X-Authenticated-Userid X-Authenticated-Groups X-Authenticated
        X-User X-User-Id X-User-Name X-User-Email X-User-Roles X-Userinfo X-UserToken X-User-Token X-Username X-Userid
        X-Consumer-Id X-Consumer-Username X-Consumer-Custom-Id X-Credential-Identifier X-Credential-Username X-Anonymous-Consumer
        X-JWT-Claim-Sub X-Jwt-Payload X-Jwt-Assertion X-Jwt-Token X-Id-Token X-Token-Claims X-Token-Subject X-Vercel-Ip-Country
        X-Vercel-Proxy-Signature Fly-Client-IP Fly-Forwarded-Proto X-Nf-Client-Connection-Ip X-Nf-Sign
        X-Azure-ClientIP X-Azure-FDID X-Appengine-User-Email X-Appengine-Inbound-Appid X-Appengine-Cron
        Tailscale-User-Login Tailscale-User-Name X-Pomerium-Jwt-Assertion X-Pomerium-Claim-Email X-Authentik-Username
        X-Authentik-Groups X-Authelia-User X-Openresty-User Sm_User SM_UNIVERSALID SM-ServerSessionId Iv-User Iv-Groups
        Iv-Creds OAM_REMOTE_USER X-Shib-User Shib-Identity-Provider Eppn X-Oidc-Claim-Sub OIDC_CLAIM_email OIDC-Access-Token
        X-Saml-Nameid X-Kong-Proxy-Secret X-RapidAPI-Proxy-Secret X-RapidAPI-User X-Mashery-Oauth-Client-Id X-Tyk-Api-Key
        X-Istio-Auth-Userinfo X-Forwarded-Spiffe X-Spiffe-Id L5d-Client-Id X-Caddy-Auth Sec-Istio-Auth-Userinfo X-Session-User
        X-Principal X-Principal-Name X-Identity X-Account-Id X-Tenant-Id X-Organization-Id X-Role X-Roles X-Groups
        X-Scopes X-Permissions X-Subject X-Sub X-Email X-Login X-Admin X-Is-Admin X-Internal X-Internal-Request
        X-Internal-Token X-Trusted X-Trusted-Proxy X-Verified X-Verified-By X-Authorized X-Authorization-Checked X-Auth-Status
        X-Auth-Result X-Impersonate-User Impersonate-User X-On-Behalf-Of X-Act-As X-Acting-User X-Delegated-User
        X-Gateway-Key X-Gateway-Auth X-Ingress-Auth X-Edge-Authenticated X-Origin-Token X-CDN-Auth X-Csrf-Token X-Xsrf-Token
        X-Service-Account X-Caller-Id X-Caller X-Requested-By X-Peer-Certificate X-Certificate-Dn X-WSO2-Token X-Okta-User
        X-Keycloak-Token Kubernetes-User X-Kubernetes-Auth X-Cognito-Sub X-Ldap-User X-Sso-Token X-Sso-User X-Dex-Token
        X-Oauth-Token X-OAuth-Scopes X-Device-Id X-Forwarded X-Bypass-Auth X-Whatever-Unseen Hostess a
        X-Vercel-Oidc-Token X-Vercel-Protection-Bypass X-Netlify-Token X-Goog-Iam-Authorization-Token X-Google-Iap-Key
        X-Amzn-Mtls-Clientcert-Key X-Apigw-Api-Key X-Apigw-Token X-API-Gateway-Key X-MS-Token-Google-Access-Token
        X-AppService-Key X-EasyAuth-Token X-Easy-Auth-Token X-Frontdoor-Key X-FD-Key Cf-Access-Token Cf-Access-Client-Secret
        X-CDN-Token X-Akamai-Auth Akamai-Origin-Key X-Edge-Auth X-EdgeGrid-Auth Fastly-Key X-Sigsci-Key X-Sucuri-Key
        X-Ext-Authz-Token X-Istio-Token X-B3-Token L5d-Auth Dapr-Api-Token X-Mesh-Auth X-Auth-Request-Key X-Oauth2-Proxy-Key
        Remote-Token X-Authelia-Token X-Authentik-Meta-Key X-Pomerium-Key X-Traefik-Auth Tailscale-Key Teleport-Jwt-Assertion
        X-Teleport-Token X-Kong-Key X-Consumer-Key X-Tyk-Token X-Gravitee-Api-Key X-Apigee-Key X-Wso2-Key X-Krakend-Token
        X-Apisix-Key X-Zuul-Token X-Nginx-Auth X-Accel-Key X-Sendfile-Key X-Haproxy-Key Shib-Session-Key SMSession-Key SM-Token
        OAM-Key X-Okta-Key X-Ping-Token PF-Key PA-Key X-PingFederate-Key X-Forgerock-Token X-F5-Auth X-Citrix-Token NSC-Key
        X-Zscaler-Key X-Netskope-Key X-Webauth-Key X-Grafana-User-Key X-Jenkins-User-Key Impersonate-Extra-Token
        X-Remote-Extra-Key X-K8s-Token X-Rancher-Key SSL-Client-Key X-Mtls-Auth X-Cert-Token Proxy Proxy-Auth
        X-True-Client-Key X-Forward-Auth X-Fwd-Auth X-Upstream-Auth X-Ingress-Key X-Lb-Key X-Waf-Key X-Firewall-Key X-Sudo-Token
        X-Root-Token X-Masquerade-Token X-Assume-Key X-Run-As-Token X-RunAs-Key X-Act-Token X-Actor-Token X-Person-Key
        X-Member-Token X-Viewer-Token X-Cas-Ticket-Token X-Entra-Token X-Aad-Token X-Adfs-Token X-Wsfed-Token X-Federated-Token
        X-Scope-Token X-Mfa-Token X-Acr-Token X-Anti-Forgery-Token RequestVerificationToken X-Method-Key X-Http-Method-Key
        X-Host-Key Host-Key X--Forwarded-Token X--User--Key -User-Token- HTTP_X_USER_TOKEN PHP_AUTH_KEY
        X-SSOToken X-JwtToken XJwtAccessToken X-IapToken X-LdapAuth X-MSToken X-AWSToken X-IPKey X-CDNKey X-EdgeAuth X-TLSAuth X-LBAuth
        X-UidToken X-RealKey X-SubToken X-ActToken X-ViaToken IdAccessToken X-Clerk-Auth-Token X-Vouch-Token X-CommonAccessToken
        X-Common-Access-Token X-Atlassian-Token X-Proof-Token DPoP-Token GAP-Auth X-Zumo-Auth X-Refresh-Token X-3scale-Secret-Token
        X-RapidAPI-Key St-Access-Token X-Supertokens-Token Ngrok-Auth X-Tunnel-Token X-IIS-WindowsAuthToken X-WindowsAuthToken
        MS-ASPNETCORE-TOKEN AJP-Secret LtpaToken X-LTPA-Token Mellon-Key X-Gss-Token X-Gssapi-Token X-Spnego-Auth X-Msisdn-Token
        X-Pre-Auth X-PreAuth X-No-Auth X-NoAuth X-Skip-Auth X-SkipAuth X-Override-Auth X-Checked-Auth X-Approved-Key X-Granted-Token
        X-Allowed-Key X-Passed-Auth X-Valid-Key X-Trust-Token X-Zero-Trust-Token X-ZeroTrust-Key X-Attestation-Token X-Super-Token
        X-Superadmin-Key X-Ambassador-Auth X-Websphere-Token X-Weblogic-Key X-Openam-Token X-Wallarm-Key X-Zuplo-Token
        X-Credential-Key HTTPS_KEY X-Whoami-Key X-Cn-Key X-Oid-Token X-Eppn-Key X-Affiliation-Key X-Nameid-Key X-Imsi-Key
        X-Zitadel-Token X-Casdoor-Token X-Frontegg-Auth X-FusionAuth-Token X-WorkOS-Token X-Ziti-Key X-Approuter-Auth
        REDIRECT_REMOTE_USER_TOKEN AUTH_TYPE_KEY AUTH_TYPE X-Team X-Api-Version X-Environment X-Source X-Custom";
    for name in names.split_whitespace() {
        let dotted = name.replace(['-', '_'], ".");
        for name in
            [name.to_owned(), name.to_uppercase(), name.replace('-', "_"), dotted, name.replace('-', "~")]
        {
            let fault = HeaderName::parse(&name).expect_err(&name);
            assert!(fault.to_string().ends_with("choose X-Api-Key or X-Webhook-Token"), "{name}: {fault}");
        }
    }
}

#[test]
fn the_names_that_the_messages_advise_are_accepted() {
    for fault in [HeaderNameFault::Reserved, HeaderNameFault::NotACredential] {
        let message = fault.to_string();
        let (_, advice) = message.split_once("choose ").unwrap();
        assert!(advice.split(" or ").all(|name| HeaderName::parse(name).is_ok()), "{advice}");
    }
}

#[test]
fn names_have_1_to_64_characters() {
    assert_eq!(HeaderName::parse(""), Err(HeaderNameFault::Length));
    assert!(HeaderName::parse(&format!("{}-token", "x".repeat(58))).is_ok());
    assert_eq!(HeaderName::parse(&"x".repeat(65)), Err(HeaderNameFault::Length));
}

#[test]
fn what_is_no_token_is_refused() {
    for name in [
        " ",
        "X Api",
        "X-Api:",
        "X-Api\r\nHost",
        "X-Api\0",
        "X(Api)",
        "\"x\"",
        "x,y",
        "x/y",
        "x@y",
        "Ü",
        "X-\u{212a}ey",
        "{x}",
    ] {
        assert_eq!(HeaderName::parse(name), Err(HeaderNameFault::NotAToken), "{name:?}");
    }
}

#[test]
fn authorization_is_pointed_to_its_own_type() {
    for name in ["Authorization", "authorization", "AUTHORIZATION"] {
        let fault = HeaderName::parse(name).unwrap_err();
        assert_eq!(fault.to_string(), "must not be Authorization; use the type bearerToken");
    }
}

#[test]
fn names_with_a_meaning_of_their_own_are_refused_in_any_case() {
    let names = "Host Content-Type Content-Length Content-Encoding Content-Anything Transfer-Encoding
        Connection Cookie Set-Cookie User-Agent Webhook-Id webhook-signature webhook-timestamp webhook-x CF-Ray
        CF-Connecting-IP cf-access-client-secret X-Forwarded-For X-Forwarded-Host X-Forwarded TE Trailer
        Upgrade Keep-Alive Proxy-Authorization Proxy-Connection Expect Via Forwarded X-Real-IP True-Client-IP Date
        Sec-Fetch-Site Origin Referer Accept Accept-Encoding Idempotency-Key traceparent If-None-Match
        Range X-HTTP-Method-Override X-Original-URL Access-Control-Request-Method";
    for name in names.split_whitespace() {
        for name in [name.to_owned(), name.to_lowercase(), name.to_uppercase(), name.replace('-', "_")] {
            assert_eq!(HeaderName::parse(&name), Err(HeaderNameFault::Reserved), "{name}");
        }
    }
}

#[test]
fn the_reserved_lists_are_in_the_form_that_is_compared() {
    for name in RESERVED.iter().flat_map(|names| names.split(' ')).chain(RESERVED_PREFIXES.iter().copied()) {
        assert!(
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{name}"
        );
    }
}

#[test]
fn json_is_checked_like_any_other_input() {
    assert!(serde_json::from_str::<HeaderName>("\"Host\"").is_err());
    let name: HeaderName = serde_json::from_str("\"X-Api-Key\"").unwrap();
    assert_eq!(serde_json::to_string(&name).unwrap(), "\"X-Api-Key\"");
}

proptest! {
    #[test]
    fn whatever_is_accepted_is_a_short_ascii_token(name: String) {
        if let Ok(name) = HeaderName::parse(&name) {
            let separators = b":,;\"()<>@/[]{}?=\\";
            let is_token = |byte: u8| byte.is_ascii_graphic() && !separators.contains(&byte);
            prop_assert!(name.as_str().bytes().all(is_token));
        }
    }

    #[test]
    fn reserved_families_are_refused_whatever_follows(
        index in 0..RESERVED_PREFIXES.len(),
        rest in "[A-Za-z0-9_-]{1,20}",
    ) {
        let name = format!("{}{rest}", RESERVED_PREFIXES[index]);
        prop_assert_eq!(HeaderName::parse(&name), Err(HeaderNameFault::Reserved));
    }
}
