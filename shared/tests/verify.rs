//! What `docs/verify` shows partners takes what we sign and refuses what we did not. `docs/verify/vector.json` is ours:
//! `UPDATE=1 cargo test -p shared --test verify` writes it anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use shared::webhook::signing::{SigningSecret, signature};

#[allow(unreachable_pub, reason = "it is a file of its own, to be copied")]
#[path = "../../docs/verify/verify.rs"]
mod snippet;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
const AT: i64 = 1_775_124_000;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/verify")
}

/// One request as we send it, while a rotated secret overlaps.
fn vector() -> Value {
    let id = "7bf73129-1428-4cd3-a780-95db273d1602";
    let body = json!({
        "version": "0", "id": id, "detail-type": "KeyAdded", "source": "spk.api", "time": "2026-04-02T10:00:00Z",
        "resources": [], "detail": {"partnerId": "acme-corp", "version": 3, "data": {"lockId": 7, "label": "Tür 1"}},
    })
    .to_string();
    let (own, other) = (SigningSecret::parse(SECRET).unwrap(), SigningSecret::generate([7; 32]));
    json!({
        "secret": SECRET,
        "headers": {
            "webhook-id": id, "webhook-timestamp": AT.to_string(),
            "webhook-signature": signature(&[&other, &own], id, AT, body.as_bytes()),
        },
        "body": body,
    })
}

/// The vector, and how it must not be taken: each with what is expected.
fn cases() -> Vec<(Value, i64, bool)> {
    let good = vector();
    let changed = |place: &str, value: &str| {
        let mut changed = good.clone();
        *changed.pointer_mut(place).unwrap() = json!(value);
        (changed, AT, false)
    };
    let signatures = good["headers"]["webhook-signature"].as_str().unwrap().to_owned();
    let others = signatures.split(' ').next().unwrap();
    vec![
        (good.clone(), AT, true),
        (good.clone(), AT + 300, true),
        (good.clone(), AT - 300, true),
        (good.clone(), AT + 301, false),
        (good.clone(), AT - 301, false),
        changed("/body", "{}"),
        changed("/headers/webhook-id", "another"),
        changed("/headers/webhook-timestamp", "1775124001"),
        changed("/headers/webhook-signature", others),
        changed("/headers/webhook-signature", ""),
        changed("/headers/webhook-signature", &signatures.replace("v1,", "v2,")),
        changed("/secret", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ]
}

#[test]
fn the_checked_in_vector_is_what_we_sign() {
    let path = folder().join("vector.json");
    let made = serde_json::to_string_pretty(&vector()).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &made).unwrap();
    }
    assert!(
        fs::read_to_string(path).unwrap_or_default() == made,
        "run `UPDATE=1 cargo test -p shared --test verify`"
    );
}

#[test]
fn rust() {
    for (case, now, good) in cases() {
        let text = |place: &str| case.pointer(place).and_then(Value::as_str);
        let header = |name: &str| text(&format!("/headers/{name}"));
        let taken = snippet::verify(text("/secret").unwrap(), header, text("/body").unwrap().as_bytes(), now);
        assert_eq!(taken.is_ok(), good, "{taken:?} {case} at {now}");
    }
}

/// Runs a program, which has to be there, in this folder: it reads the cases and says of each, on a line of its own,
/// whether it takes it.
fn assert_verdicts(program: &str, arguments: &[&str], folder: &Path) {
    let output = Command::new(program)
        .args(arguments)
        .arg(serde_json::to_string(&cases()).unwrap())
        .current_dir(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap_or_else(|error| panic!("{program} has to be there: {error}"));
    let verdicts = String::from_utf8(output.stdout).unwrap();
    let expected: String = cases().iter().map(|(_, _, good)| format!("{good}\n")).collect();
    assert_eq!(verdicts, expected, "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn node() {
    let program = "import { verify } from './verify.mjs';
        for (const [{ secret, headers, body }, now] of JSON.parse(process.argv[1])) {
          const takes = (headers, body) => { try { verify(secret, headers, body, now); return true; } catch { return false; } };
          const verdicts = [takes(headers, Buffer.from(body)), takes(new Headers(headers), Buffer.from(body)), takes(headers, body)];
          console.log(verdicts.every((verdict) => verdict === verdicts[0]) ? verdicts[0] : verdicts);
        }";
    assert_verdicts("node", &["--input-type=module", "--eval", program, "--"], &folder());
}

#[test]
fn python() {
    let program = "
import json, sys
from email.message import Message
from verify import verify

def takes(case, headers, body, now):
    try:
        verify(case['secret'], headers, body, now)
        return 'true'
    except ValueError:
        return 'false'

for case, now, _ in json.loads(sys.argv[1]):
    message = Message()
    for name, value in case['headers'].items():
        message[name] = value
    verdicts = {takes(case, headers, body, now)
                for headers in (case['headers'], message)
                for body in (case['body'], case['body'].encode())}
    print(*verdicts)
";
    assert_verdicts("python3", &["-c", program], &folder());
}

/// Nothing else here needs Go: where it is not installed, this says so, past what the test runner holds back.
#[test]
fn go() {
    if Command::new("go").arg("version").output().is_err() {
        writeln!(std::io::stderr(), "skipped: there is no go to try docs/verify/verify.go with").unwrap();
        return;
    }
    let folder = std::env::temp_dir().join(format!("verify-go-{}", std::process::id()));
    fs::create_dir_all(folder.join("webhook")).unwrap();
    fs::copy(self::folder().join("verify.go"), folder.join("webhook/verify.go")).unwrap();
    fs::write(folder.join("go.mod"), "module example\n").unwrap();
    fs::write(folder.join("main.go"), GO).unwrap();
    assert_verdicts("go", &["run", "."], &folder);
    fs::remove_dir_all(folder).unwrap();
}

const GO: &str = r#"package main

import (
	"encoding/json"
	"example/webhook"
	"fmt"
	"net/http"
	"os"
	"time"
)

func main() {
	var cases [][]json.RawMessage
	_ = json.Unmarshal([]byte(os.Args[1]), &cases)
	for _, parts := range cases {
		var request struct {
			Secret, Body string
			Headers      map[string]string
		}
		var now int64
		_ = json.Unmarshal(parts[0], &request)
		_ = json.Unmarshal(parts[1], &now)
		headers := http.Header{}
		for name, value := range request.Headers {
			headers.Set(name, value)
		}
		fmt.Println(webhook.Verify(request.Secret, headers, []byte(request.Body), time.Unix(now, 0)) == nil)
	}
}
"#;
