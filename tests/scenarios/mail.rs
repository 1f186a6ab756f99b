//! Word by e-mail, through the local simulation of the `send_email` binding: the terminal names each mail and its file.

use std::time::Duration;

use serde_json::json;
use tests::poll::eventually;
use tests::tenant::Tenant;
use tests::world::run;

/// Cron runs have the mails of other tests to send as well.
const LONG: Duration = Duration::from_secs(90);

#[test]
fn members_get_a_mail_when_a_key_is_rotated() {
    run(|world| async move {
        let tenant = Tenant::register(world).await;
        let _ = tenant.api_key().await;
        let org = &tenant.org_id;
        let admin = world.admin();
        let member = format!("second@{org}.com");
        let _ = admin.put(&format!("/tenants/{org}/members/{member}"), &json!({})).await.expect(201);
        let _ = admin.post(&format!("/api-keys/{org}/rotate"), &json!({})).await.expect(201);

        for recipient in [format!("owner@{org}.com"), member] {
            let text = eventually(LONG, "the mail", async || {
                world.stack().trigger_cron().unwrap();
                let log = world.log().text();
                let mut mails = log.split("send_email binding called with MessageBuilder:").skip(1);
                let mail = mails.find(|mail| {
                    let mail: String = mail.lines().take(12).collect();
                    mail.contains(&recipient) && mail.contains("Your API key was rotated")
                })?;
                let file = mail.split_once("Text: ")?.1.lines().next()?.trim();
                std::fs::read_to_string(file).ok()
            });
            let text = text.await;
            assert!(text.contains("/dashboard"), "{text}");
            assert!(text.contains("rotated the API key of A Tenant"), "{text}");
        }
    });
}
