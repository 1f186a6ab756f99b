//! A stand-in for Cloudflare's API: keeps one account in memory, records every call, and fails where a test wants that.
mod d1;
mod script;

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};

use local::server::{Request, respond, serve};
use serde_json::{Value, json};

pub(crate) use self::d1::Database;
pub(crate) use self::script::Worker;

pub(crate) const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const TOKEN: &str = "test-only-token";

/// The contents of the account.
#[derive(Default)]
pub(crate) struct Account {
    /// The D1 databases, by name.
    pub(crate) databases: BTreeMap<String, Database>,
    /// The ids of KV namespaces, by title.
    pub(crate) namespaces: BTreeMap<String, String>,
    /// The ids of Queues, by name.
    pub(crate) queues: BTreeMap<String, String>,
    /// Where KV namespaces and Queues are kept, by name; those that are not here, anywhere.
    pub(crate) jurisdictions: BTreeMap<String, String>,
    /// The names of the Queues that hand over nothing.
    pub(crate) paused: BTreeSet<String>,
    /// The settings of consumers, by the Queue's name.
    pub(crate) consumers: BTreeMap<String, Value>,
    pub(crate) workers: BTreeMap<String, Worker>,
    /// All calls in order, as `METHOD /path body` without the account in the path.
    pub(crate) calls: Vec<String>,
    /// The calls that concern no account, or another one.
    pub(crate) elsewhere: Vec<String>,
    /// The account's workers.dev subdomain.
    pub(crate) subdomain: Option<String>,
    /// Whether another account has the subdomain that this account would like.
    pub(crate) is_subdomain_taken: bool,
    /// Lines in Workers Logs, each of the newest version of a Worker: the Worker, and the line's fields.
    pub(crate) lines: Vec<(String, Value)>,
    /// The id of the account's plan.
    pub(crate) plan: String,
    /// Paths below the account's that the token may not use.
    pub(crate) forbidden: Option<String>,
    /// The status with which everything is answered, and a page instead of JSON.
    pub(crate) unwell: Option<u16>,
    /// How many of the next calls get 503 that begin so.
    pub(crate) busy: Option<(String, usize)>,
    /// Custom domains, each with its Worker.
    pub(crate) domains: BTreeMap<String, String>,
    /// Files of SQL on their way to a database or from it, by name.
    files: BTreeMap<String, String>,
    /// The stand-in's port.
    port: u16,
    failure: Option<Failure>,
    count: usize,
}

/// Which calls fail.
#[derive(Default)]
struct Failure {
    /// They follow a call that begins so,
    after: String,
    /// begin so,
    call: String,
    /// and contain this.
    part: String,
}

/// The running stand-in.
#[derive(Clone)]
pub(crate) struct Cloudflare {
    account: Arc<Mutex<Account>>,
    pub(crate) port: u16,
}

impl Cloudflare {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let account = Arc::new(Mutex::new(Account {
            subdomain: Some("spk-stage".to_owned()),
            plan: "workers_paid".to_owned(),
            port,
            ..Account::default()
        }));
        let shared = Arc::clone(&account);
        serve(listener, move |request, stream| {
            let unwell = shared.lock().unwrap().unwell;
            if let Some(status) = unwell {
                let page = "<html><title>Something on the way</title></html>";
                return respond(stream, status, &[("content-type", "text/html")], page);
            }
            if let Some(name) = request.target.strip_prefix("/files/") {
                let (tag, text) = shared.lock().unwrap().file(name, &request);
                return respond(stream, 200, &[("etag", &tag)], &text);
            }
            let path = request.target.split("/accounts/").last().unwrap_or_default();
            if let Some((part, times @ 1..)) = &mut shared.lock().unwrap().busy
                && path.split_once('/').is_some_and(|(_, path)| path.starts_with(part.as_str()))
            {
                *times -= 1;
                return respond(stream, 503, &[("content-type", "text/html")], "<html>busy</html>");
            }
            let (status, mut result) = shared.lock().unwrap().answer(&request);
            let ok = status == 200;
            let errors = if ok { json!([]) } else { json!([result]) };
            let number = |name: &str, default: usize| {
                let pairs = request.target.split(['?', '&']);
                pairs.filter_map(|pair| pair.strip_prefix(name)?.parse().ok()).next().unwrap_or(default)
            };
            let (page, size) = (number("page=", 1), number("per_page=", 20));
            let all = result.as_array().map_or(0, Vec::len);
            if let Some(items) = result.as_array_mut() {
                *items = items.iter().skip((page - 1) * size).take(size).cloned().collect();
            }
            let result = if ok { result } else { Value::Null };
            let count = result.as_array().map_or(0, Vec::len);
            let info = json!({
                "page": page, "per_page": size, "count": count, "total_count": all, "total_pages": all.div_ceil(size),
            });
            let body = json!({"success": ok, "errors": errors, "messages": [], "result": result, "result_info": info});
            respond(stream, status, &[("content-type", "application/json")], &body.to_string())
        });
        Self { account, port }
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap()
    }

    /// The calls since this was asked last, without those that only read.
    pub(crate) fn changes(&self) -> Vec<String> {
        let mut account = self.account();
        let is_question = |call: &String| {
            call.starts_with("GET")
                || call.starts_with("POST /workers/observability/")
                || call.contains("/query {\"sql\":\"SELECT ")
        };
        std::mem::take(&mut account.calls).into_iter().filter(|call| !is_question(call)).collect()
    }

    /// Makes every call fail that begins so; with `None`, no call.
    pub(crate) fn fail(&self, call: Option<&str>) {
        self.account().failure = call.map(|call| Failure { call: call.to_owned(), ..Failure::default() });
    }

    /// Makes every call fail that begins so and contains a text.
    pub(crate) fn fail_with(&self, call: &str, part: &str) {
        let (call, part) = (call.to_owned(), part.to_owned());
        self.account().failure = Some(Failure { call, part, ..Failure::default() });
    }

    /// Makes every call fail that begins so, once there was a call that begins with `after`.
    pub(crate) fn fail_after(&self, after: &str, call: &str) {
        let (after, call) = (after.to_owned(), call.to_owned());
        self.account().failure = Some(Failure { after, call, ..Failure::default() });
    }
}

fn unknown(code: u32) -> (u16, Value) {
    (404, json!({"code": code, "message": "This does not exist on your account."}))
}

impl Account {
    fn answer(&mut self, request: &Request) -> (u16, Value) {
        let Request { method, target, headers, body } = request;
        let body = &*String::from_utf8_lossy(body);
        let path = target.trim_start_matches("/client/v4");
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        if headers.get("authorization").is_none_or(|token| token != &format!("Bearer {TOKEN}")) {
            return (403, json!({"code": 10000, "message": "Authentication error"}));
        }
        let Some(path) = path.strip_prefix(&format!("/accounts/{ACCOUNT}")) else {
            self.calls.push(format!("{method} {path}"));
            self.elsewhere.push(format!("{method} {path}"));
            return unknown(7003);
        };
        let shown: String = body.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown: String = if body.starts_with("--") || path.contains("/secrets") {
            String::new()
        } else {
            shown.chars().take(300).collect()
        };
        self.calls.push(format!("{method} {path} {shown}").trim().to_owned());
        let whole = format!("{method} {path} {body}");
        if self.failure.as_ref().is_some_and(|Failure { after, call, part }| {
            whole.starts_with(call)
                && whole.contains(part)
                && self.calls.iter().any(|made| made.starts_with(after))
        }) {
            return (400, json!({"code": 10021, "message": "This is not possible today."}));
        }
        if self.forbidden.as_ref().is_some_and(|forbidden| path.starts_with(forbidden.as_str())) {
            return (403, json!({"code": 10000, "message": "Authentication error"}));
        }
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let json: Value = serde_json::from_str(body).unwrap_or_default();
        match (&**method, &segments[..]) {
            (_, ["d1", "database", rest @ ..]) => self.d1(method, rest, query, &json),
            ("GET", ["storage", "kv", "namespaces"]) => {
                (200, self.namespaces.iter().map(|(title, id)| json!({"id": id, "title": title, "jurisdiction": self.jurisdictions.get(title)})).collect())
            }
            ("POST", ["storage", "kv", "namespaces"]) => {
                let id = self.fresh("kv");
                let title = json["title"].as_str().unwrap().to_owned();
                self.keep_in(&title, &json);
                self.namespaces.insert(title, id.clone());
                (200, json!({"id": id, "title": json["title"]}))
            }
            ("GET", ["queues"]) if query.contains("name=") => {
                let named = self
                    .queues
                    .iter()
                    .filter(|(name, _)| query.split('&').any(|pair| pair == format!("name={name}")));
                (200, named.map(|(name, id)| self.queue(name, id)).collect())
            }
            ("GET", ["queues"]) => (200, self.queues.iter().map(|(name, id)| self.queue(name, id)).collect()),
            ("POST", ["queues"]) => {
                let id = self.fresh("queue");
                let name = json["queue_name"].as_str().unwrap().to_owned();
                self.keep_in(&name, &json);
                self.queues.insert(name, id.clone());
                (200, json!({"queue_id": id, "queue_name": json["queue_name"]}))
            }
            ("PATCH", ["queues", id]) => {
                let name = json["queue_name"].as_str().unwrap().to_owned();
                assert_eq!(self.queues.get(&name).map(String::as_str), Some(*id));
                let is_paused = json["settings"]["delivery_paused"].as_bool().unwrap();
                if is_paused { self.paused.insert(name) } else { self.paused.remove(&name) };
                (200, json!({"queue_id": id}))
            }
            ("POST" | "PUT", ["queues", id, "consumers", ..]) => {
                let name =
                    self.queues.iter().find(|(_, known)| known == id).map(|(name, _)| name.clone()).unwrap();
                self.consumers.insert(name, json);
                (200, json!({}))
            }
            ("POST", ["workers", "observability", "telemetry", "query"]) => (200, self.logs(&json)),
            ("GET", ["workers", "subdomain"]) => match &self.subdomain {
                Some(name) => (200, json!({"subdomain": name})),
                None => unknown(10007),
            },
            // 10032: nobody has that name. 10031: somebody has.
            ("GET", ["workers", "subdomains", _]) => {
                unknown(if self.is_subdomain_taken { 10031 } else { 10032 })
            }
            ("GET", [""]) => (200, json!({"id": ACCOUNT, "name": "stage"})),
            ("GET", ["workers", "scripts"]) => {
                (200, self.workers.keys().map(|name| json!({"id": name})).collect())
            }
            ("GET", ["subscriptions"]) => (200, json!([{"rate_plan": {"id": self.plan}}])),
            ("GET", ["workers", "services", name]) => match self.workers.get(*name) {
                Some(_) => (
                    200,
                    json!({"id": name, "default_environment": {"environment": "production", "script": {"last_deployed_from": "wrangler"}}}),
                ),
                None => unknown(10090),
            },
            ("GET" | "PATCH", ["workers", "workers", name]) => {
                let subdomain = json!({"enabled": true, "previews_enabled": false});
                (
                    200,
                    json!({"id": name, "name": name, "subdomain": subdomain, "tags": [], "observability": {}}),
                )
            }
            (_, ["workers", "scripts", name, rest @ ..]) => self.script(method, name, rest, body, json),
            _ => unknown(10404),
        }
    }

    /// Keeps a file that is uploaded, or gives one out. Returns the file's tag and text.
    fn file(&mut self, name: &str, request: &Request) -> (String, String) {
        if request.method == "PUT" {
            let text = String::from_utf8_lossy(&request.body).into_owned();
            self.files.insert(name.to_owned(), text);
            return (name.to_owned(), String::new());
        }
        (name.to_owned(), self.files[name].clone())
    }

    /// Counts, by `message`, the lines that pass all filters of a query.
    fn logs(&self, question: &Value) -> Value {
        let mut counts = BTreeMap::<String, u64>::new();
        for (worker, line) in &self.lines {
            let version = self.workers.get(worker).and_then(|worker| worker.versions.last());
            let field = |key: &str| match key {
                "$metadata.service" => json!(worker),
                "$workers.scriptVersion.id" => json!(version.map(|version| &version.id)),
                _ => line[key].clone(),
            };
            let passes = |filter: &Value| {
                let (found, value) = (field(filter["key"].as_str().unwrap()), &filter["value"]);
                match filter["operation"].as_str() {
                    Some("eq") => found == *value,
                    Some("gte") => found.as_u64() >= value.as_u64() && found.is_u64(),
                    _ => false,
                }
            };
            if question["parameters"]["filters"].as_array().unwrap().iter().all(passes) {
                *counts.entry(line["message"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
        let aggregates: Vec<Value> = counts
            .iter()
            .map(|(message, count)| json!({"count": count, "groups": [{"key": "message", "value": message}]}))
            .collect();
        json!({"calculations": [{"calculation": "count", "aggregates": aggregates}]})
    }

    /// Notes the jurisdiction with which something is created.
    fn keep_in(&mut self, name: &str, json: &Value) {
        let jurisdiction =
            json["jurisdiction"].as_str().map(|jurisdiction| (name.to_owned(), jurisdiction.to_owned()));
        self.jurisdictions.extend(jurisdiction);
    }

    fn fresh(&mut self, kind: &str) -> String {
        self.count += 1;
        match kind {
            "version" | "d1" => format!("00000000-0000-4000-8000-{:012}", self.count),
            _ => format!("{kind}-{}", self.count),
        }
    }

    fn queue(&self, name: &str, id: &str) -> Value {
        let consumer = self.consumers.get(name).map(|consumer| {
            let mut consumer = consumer.clone();
            consumer["consumer_id"] = json!(format!("consumer-of-{name}"));
            consumer["script"] = consumer["script_name"].clone();
            consumer
        });
        json!({
            "queue_id": id, "queue_name": name, "jurisdiction": self.jurisdictions.get(name), "producers": [], "producers_total_count": 0,
            "consumers": consumer.iter().collect::<Vec<_>>(), "consumers_total_count": consumer.iter().count(),
        })
    }
}
