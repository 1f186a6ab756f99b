//! `cargo xtask token`, against a loopback server that answers as Auth0's documentation of the two flows says.
use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use local::server::{respond, serve};
use serde_json::{Value, json};

use super::project::Project;

/// The requests that a stand-in for Auth0 got: the path and the form.
type Asked = Arc<Mutex<Vec<String>>>;

/// A project of which stage has Auth0's stand-in, which gives these answers in turn. At a status of 0 the connection breaks.
fn with_auth0(name: &str, answers: Vec<(u16, Value)>) -> (Project, Asked) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (answers, asked) = (Mutex::new(VecDeque::from(answers)), Asked::default());
    let record = Arc::clone(&asked);
    serve(listener, move |request, stream| {
        let form = String::from_utf8_lossy(&request.body).into_owned();
        record.lock().unwrap().push(format!("{} {} {form}", request.method, request.target));
        let (status, body) = answers.lock().unwrap().pop_front().unwrap();
        if status == 0 {
            return Ok(());
        }
        respond(stream, status, &[("content-type", "application/json")], &body.to_string())
    });
    let project = Project::new(name);
    project.replace(
        "admin-api/wrangler.toml",
        "https://auth-stage.smartphonekey.com/",
        &format!("http://127.0.0.1:{port}/"),
    );
    (project, asked)
}

fn started() -> (u16, Value) {
    let body = json!({
        "device_code": "the-device", "user_code": "QTZL-MCBW", "verification_uri": "https://auth.example.com/activate",
        "verification_uri_complete": "https://auth.example.com/activate?user_code=QTZL-MCBW", "expires_in": 900, "interval": 1,
    });
    (200, body)
}

fn refused(status: u16, error: &str, description: &str) -> (u16, Value) {
    (status, json!({"error": error, "error_description": description}))
}

fn granted() -> (u16, Value) {
    (200, json!({"access_token": "the.access.token", "token_type": "Bearer", "expires_in": 3600}))
}

#[test]
fn a_script_gets_a_token_for_its_secret() {
    let (mut project, asked) = with_auth0("token-script", vec![granted()]);
    project.set("SCRIPT_CLIENT_ID", "script");
    project.set("SCRIPT_CLIENT_SECRET", "s3cret&more");
    assert_eq!(project.stage().token().unwrap(), "the.access.token");
    let expected = "POST /oauth/token grant_type=client_credentials&client_id=script&client_secret=s3cret%26more\
                    &audience=https%3A%2F%2Fadmin-api.smartphonekey.com";
    assert_eq!(*asked.lock().unwrap(), [expected]);
}

#[test]
fn a_person_gets_a_token_once_the_link_is_confirmed() {
    let pending = refused(403, "authorization_pending", "User has yet to authorize device code.");
    let (mut project, asked) = with_auth0("token-person", vec![started(), pending, granted()]);
    project.set("ADMIN_CLIENT_ID", "terminal");
    assert_eq!(project.stage().token().unwrap(), "the.access.token");
    let poll = "POST /oauth/token grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code\
                &device_code=the-device&client_id=terminal";
    let begin = "POST /oauth/device/code client_id=terminal\
                 &audience=https%3A%2F%2Fadmin-api.smartphonekey.com&scope=openid+email";
    assert_eq!(*asked.lock().unwrap(), [begin, poll, poll]);
}

#[test]
fn who_is_told_to_slow_down_waits_five_seconds_longer_from_then_on() {
    // RFC 8628, section 3.5.
    let answers =
        vec![started(), refused(429, "slow_down", "You are polling faster than allowed."), granted()];
    let (mut project, asked) = with_auth0("token-slow", answers);
    project.set("ADMIN_CLIENT_ID", "terminal");
    let began = local::clock::now();
    assert_eq!(project.stage().token().unwrap(), "the.access.token");
    // The interval of one second, and then six.
    assert!(began.elapsed().as_secs() > 6, "{:?}", began.elapsed());
    assert_eq!(asked.lock().unwrap().len(), 3);
}

#[test]
fn a_connection_that_breaks_while_somebody_confirms_ends_nothing() {
    let broken = (0, Value::Null);
    let (mut project, asked) =
        with_auth0("token-broken", vec![started(), broken, (502, json!("Bad gateway")), granted()]);
    project.set("ADMIN_CLIENT_ID", "terminal");
    let began = local::clock::now();
    assert_eq!(project.stage().token().unwrap(), "the.access.token");
    // One second, two, and four.
    assert!(began.elapsed().as_secs() >= 7, "{:?}", began.elapsed());
    assert_eq!(asked.lock().unwrap().len(), 4);
}

#[test]
fn a_refusal_is_one_sentence_with_auth0s_reason() {
    let denied = refused(403, "access_denied", "Unauthorized");
    let unknown = refused(401, "access_denied", "Unauthorized");
    let no_grant =
        refused(403, "unauthorized_client", "Grant type 'device_code' not allowed for the client.");
    for (name, script, answers, expected) in [
        (
            "token-denied",
            false,
            vec![started(), denied],
            "Auth0 gives no token: Unauthorized (access_denied)",
        ),
        ("token-secret", true, vec![unknown], "Auth0 gives no token: Unauthorized (access_denied)"),
        (
            "token-grant",
            false,
            vec![no_grant],
            "Auth0 gives no token: Grant type 'device_code' not allowed for the client. (unauthorized_client)",
        ),
        ("token-odd", true, vec![(502, json!("Bad gateway"))], "Auth0 answers in a way we cannot read"),
    ] {
        let (mut project, _) = with_auth0(name, answers);
        project.set(if script { "SCRIPT_CLIENT_ID" } else { "ADMIN_CLIENT_ID" }, "client");
        if script {
            project.set("SCRIPT_CLIENT_SECRET", "secret");
        }
        assert_eq!(format!("{:#}", project.stage().token().unwrap_err()), expected, "{name}");
    }
    let (project, asked) = with_auth0("token-unset", Vec::new());
    let said = format!("{:#}", project.stage().token().unwrap_err());
    assert!(said.starts_with("ADMIN_CLIENT_ID is not set"), "{said}");
    assert!(asked.lock().unwrap().is_empty());
}

#[test]
fn without_a_network_the_address_that_does_not_answer_is_named() {
    let mut project = Project::new("token-alone");
    project.replace(
        "admin-api/wrangler.toml",
        "https://auth-stage.smartphonekey.com/",
        "http://127.0.0.1:9/",
    );
    project.set("ADMIN_CLIENT_ID", "terminal");
    for script in [false, true] {
        if script {
            project.set("SCRIPT_CLIENT_ID", "script");
            project.set("SCRIPT_CLIENT_SECRET", "secret");
        }
        let said = format!("{:#}", project.stage().token().unwrap_err());
        assert!(said.starts_with("http://127.0.0.1:9 does not answer: check the network"), "{said}");
        assert!(!said.contains('\n') && !said.contains("secret"), "{said}");
    }
}

#[test]
fn auth0s_tenant_and_the_smoke_test_name_the_variable_that_is_not_set() {
    let project = Project::new("variables");
    let said = format!("{:#}", project.stage().deploy_tenant().unwrap_err());
    assert!(said.starts_with("AUTH0_DEPLOY_DOMAIN is not set"), "{said}");
    let said = format!("{:#}", project.stage().smoke().unwrap_err());
    assert!(said.starts_with("ADMIN_API_KEY is not set: the smoke test of stage needs"), "{said}");
}
