//! The page shows all that the document says: for every operation a call, its fields at any depth, values and answers.

use admin_api::openapi::page;
use serde_json::Value;

use super::form::{follow, operations};
use super::made;

/// The part of the page that is about this operation or object.
fn article<'a>(page: &'a str, id: &str) -> &'a str {
    let start = format!("<article id=\"{id}\">");
    let (_, rest) = page.split_once(&start).unwrap_or_else(|| panic!("{id} is not on the page"));
    rest.split_once("</article>").unwrap().0
}

/// The names of all fields below the value, and the values that texts may have.
fn names(document: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    follow(document, "", value, &mut |_, value| {
        found.extend(value["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
        for values in ["enum", "x-extensible-enum"] {
            let texts = value[values].as_array().into_iter().flatten().filter_map(Value::as_str);
            found.extend(texts.map(str::to_owned));
        }
    });
    found
}

#[test]
fn every_operation_has_a_call_and_its_fields_at_any_depth() {
    let document = made();
    let page = page::render(&document);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let article = article(&page, id);
            let (_, call) = article.split_once("<pre class=\"curl\">").expect(id);
            let call = call.split_once("</pre>").unwrap().0;
            let beginning = path.split('{').next().unwrap();
            assert!(call.contains(&format!("&quot;$API{beginning}")), "{id}: {call}");
            assert!(!call.contains('{') || !operation["requestBody"].is_null(), "{id}: {call}");
            assert_eq!(call.contains(&format!("-X {}", method.to_uppercase())), method != "get", "{id}");
            let security = &operation["security"][0];
            assert_eq!(
                call.contains("$ADMIN_API_KEY") && call.contains("$TOKEN"),
                security["adminKey"].is_array(),
                "{id}"
            );
            assert_eq!(call.contains("$API_KEY"), security["partnerKey"].is_array(), "{id}");
            for name in names(&document, &operation["requestBody"]) {
                assert!(article.contains(&format!("<code>{name}</code>")), "{id}: {name}");
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                let is_common = ["400", "401", "403", "413", "415", "500", "503"].contains(&status.as_str());
                assert_eq!(article.contains(&format!("<code>{status}</code>")), !is_common, "{id} {status}");
                let own = response["content"]["application/json"]["schema"]["$ref"].as_str();
                let own = own.and_then(|own| document.pointer(own.trim_start_matches('#')));
                for (name, _) in own.and_then(|own| own["properties"].as_object()).into_iter().flatten() {
                    assert!(article.contains(&format!("<code>{name}</code>")), "{id}: {name}");
                }
                for name in names(&document, response) {
                    assert!(page.contains(&format!("<code>{name}</code>")), "{id}: {name}");
                }
            }
        }
    }
    assert!(article(&page, "listOwnWebhooks").contains("<code>Retry-After</code>"));
}

#[test]
fn every_link_within_the_page_leads_somewhere_and_the_page_is_small() {
    let page = page::render(&made());
    for rest in page.split("href=\"#").skip(1) {
        let id = rest.split('"').next().unwrap();
        assert!(page.contains(&format!(" id=\"{id}\"")), "{id}");
    }
    assert!(page.len() < 150_000, "{} bytes", page.len());
}

#[test]
fn a_resource_is_made_first_and_ended_last() {
    let document = made();
    let page = page::render(&document);
    let place = |id: &str| page.find(&format!("<article id=\"{id}\">")).unwrap();
    for life in [
        ["registerTenant", "getTenant", "changeTenant", "closeTenant"],
        ["issueApiKey", "listApiKeys", "rotateApiKey", "revokeApiKey"],
        ["createWebhook", "getWebhook", "changeWebhook", "deleteWebhook"],
        ["addMember", "removeMember", "closeTenant", "issueApiKey"],
    ] {
        assert!(life.map(place).is_sorted(), "{life:?}");
    }
    assert!(operations(&document).count() > 30);
}
