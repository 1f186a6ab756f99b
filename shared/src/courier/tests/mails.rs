//! E-mails to members: who gets which, how often, and what a refusal or a second run does.

use std::sync::Arc;
use std::time::Duration;

use super::super::Mailing;
use crate::app::change_webhook::RequestedChange;
use crate::ports::{Clock, Statement};
use crate::tenant::{EmailAddress, OrgId};
use crate::testing::{Fixture, MemoryMailer, admins};
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;
use crate::webhook::url::WebhookUrl;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// A system that mails, with a tenant of two members and one webhook.
async fn mailing() -> (Fixture, Arc<MemoryMailer>, OrgId, String) {
    let mut fixture = Fixture::default();
    let mailer = Arc::new(MemoryMailer::default());
    fixture.courier.mailing = Some(Mailing {
        mailer: mailer.clone(),
        from: EmailAddress::parse("webhooks@smartphonekey.example").unwrap(),
        portal_origin: "https://portal.example.com".to_owned(),
    });
    let acme = fixture.tenant("acme-corp").await;
    let bob = EmailAddress::parse("bob@example.com").unwrap();
    fixture.app.add_member(&admins(&acme), &bob).await.unwrap();
    let webhook = fixture.webhook(&acme, "https://hooks.example.com/in", &[]).await;
    fixture.courier.sweep().await.unwrap();
    mailer.take();
    (fixture, mailer, acme, webhook.webhook_id.to_string())
}

fn note(fixture: &Fixture, webhook: &str, change: &str, number: u32) {
    let insert = "INSERT INTO notices (id, webhook_id, org_id, change, details, at) VALUES (?1, ?2, 'acme-corp', ?3, '{\"reason\":\"it answered 410 Gone\"}', ?4)";
    let statement = Statement::new(insert).bind(format!("notice-{number}")).bind(webhook).bind(change);
    fixture.database.query(statement.bind(fixture.clock.now()));
}

/// Sweeps once the notice is overdue, and gives back whom a mail went to, with its subject.
async fn mailed(fixture: &Fixture, mailer: &MemoryMailer) -> Vec<(String, String)> {
    fixture.clock.advance(Duration::from_secs(600));
    fixture.courier.sweep().await.unwrap();
    fixture.courier.sweep().await.unwrap();
    let mut mails: Vec<_> = mailer.take().into_iter().map(|mail| (mail.to, mail.subject)).collect();
    mails.sort();
    mails
}

fn to_both(subject: &str) -> Vec<(String, String)> {
    ["bob@example.com", "owner@example.com"]
        .map(|to| (to.to_owned(), format!("{subject} (Some Organization)")))
        .into()
}

/// Opens the webhook's circuit, as of now, or closes it.
fn open(fixture: &Fixture, open: bool) {
    let sql = "UPDATE webhooks SET failing_told = ?1, circuit_opened_at = ?2";
    let at = open.then(|| fixture.clock.now());
    fixture.database.query(Statement::new(sql).bind(open).bind(at));
}

#[tokio::test]
async fn each_member_gets_one_mail_of_each_change() {
    let (fixture, mailer, acme, webhook) = mailing().await;

    note(&fixture, &webhook, "recovered", 1);
    assert_eq!(mailed(&fixture, &mailer).await, [], "nobody was told of its trouble");
    open(&fixture, true);
    note(&fixture, &webhook, "failing", 2);
    for _ in 0..5 {
        assert_eq!(mailed(&fixture, &mailer).await, []);
    }
    assert_eq!(mailed(&fixture, &mailer).await, to_both("Your webhook has failed for an hour"));
    open(&fixture, false);
    note(&fixture, &webhook, "recovered", 3);
    assert_eq!(mailed(&fixture, &mailer).await, to_both("Your webhook works again"));
    note(&fixture, &webhook, "disabled", 4);
    assert_eq!(mailed(&fixture, &mailer).await, to_both("Your webhook is disabled"));
    note(&fixture, &webhook, "not verified", 5);
    assert_eq!(mailed(&fixture, &mailer).await, []);

    fixture.app.rotate_api_key(&admins(&acme), None, Duration::ZERO).await.unwrap();
    assert_eq!(mailed(&fixture, &mailer).await, to_both("Your API key was rotated"));
    let id = WebhookId::parse(&webhook).unwrap();
    fixture.app.reveal_webhook_secret(&admins(&acme), &id).await.unwrap();
    assert_eq!(mailed(&fixture, &mailer).await, to_both("A signing secret was shown"));
    let url = WebhookUrl::parse("https://hooks.example.com/new", &fixture.app.url_rules).unwrap();
    fixture.app.change_webhook(&admins(&acme), &id, RequestedChange::url(url)).await.unwrap();
    assert_eq!(mailed(&fixture, &mailer).await, to_both("Your webhook's URL was changed"));
}

#[tokio::test]
async fn a_webhook_that_comes_and_goes_is_told_of_once_in_six_hours() {
    let (fixture, mailer, _, webhook) = mailing().await;
    let mut told = Vec::new();
    for number in 0..13 {
        note(&fixture, &webhook, "disabled", number);
        told.push(mailed(&fixture, &mailer).await.len());
        fixture.clock.advance(HOUR - Duration::from_secs(600));
    }
    assert_eq!(told, [2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 2]);

    let mut told = Vec::new();
    for _ in 0..5 {
        open(&fixture, true);
        fixture.clock.advance(HOUR * 2);
        told.push(mailed(&fixture, &mailer).await.len());
        told.push(mailed(&fixture, &mailer).await.len());
        open(&fixture, false);
    }
    assert_eq!(told, [2, 0, 0, 0, 0, 0, 2, 0, 0, 0]);
}

#[tokio::test]
async fn a_run_with_nothing_to_tell_reads_twice_and_writes_nothing() {
    let (fixture, mailer, acme, _) = mailing().await;
    fixture.courier.mail().await.unwrap();
    let before = fixture.database.dump();
    fixture.database.take_round_trips();
    fixture.courier.mail().await.unwrap();
    assert_eq!((fixture.database.take_round_trips(), fixture.database.dump()), (2, before));

    fixture.app.rotate_api_key(&admins(&acme), None, Duration::ZERO).await.unwrap();
    fixture.courier.mail().await.unwrap();
    assert_eq!(mailer.take().len(), 2, "the next run goes on from where the last one stopped");
}

#[tokio::test]
async fn verified_is_told_only_after_enabling() {
    let (fixture, mailer, acme, webhook) = mailing().await;
    note(&fixture, &webhook, "verified", 1);
    assert_eq!(mailed(&fixture, &mailer).await, []);

    let id = WebhookId::parse(&webhook).unwrap();
    fixture.database.query(Statement::new("UPDATE webhooks SET status = 'disabled'"));
    fixture.app.enable_webhook(&admins(&acme), &id).await.unwrap();
    note(&fixture, &webhook, "verified", 2);
    assert_eq!(mailed(&fixture, &mailer).await, to_both("Your webhook works again"));
}

#[tokio::test]
async fn who_is_added_later_gets_no_old_mail_and_a_refused_address_stops_nobody() {
    let (fixture, mailer, acme, webhook) = mailing().await;
    mailer.refuse(Some("bob@example.com"));
    note(&fixture, &webhook, "disabled", 1);
    assert_eq!(mailed(&fixture, &mailer).await, to_both("Your webhook is disabled")[1..]);

    let carol = EmailAddress::parse("carol@example.com").unwrap();
    fixture.app.add_member(&admins(&acme), &carol).await.unwrap();
    let mails = mailed(&fixture, &mailer).await;
    let to: Vec<_> = mails.iter().map(|(to, _)| to.as_str()).collect();
    assert_eq!(to, ["carol@example.com", "owner@example.com"]);
    assert!(mails.iter().all(|(_, subject)| subject.starts_with("A person was added")), "{mails:?}");

    mailer.refuse(None);
    assert_eq!(mailed(&fixture, &mailer).await.len(), 2, "Bob's two");
    let refused =
        fixture.log.lines().into_iter().find(|line| line["message"] == "mails" && line["level"] == "error");
    assert_eq!(refused.unwrap()["error"], "recipient suppressed");
}

#[tokio::test]
async fn a_key_s_end_is_told_14_and_3_days_before_once_each() {
    let (fixture, mailer, acme, _) = mailing().await;
    let expires: Timestamp = fixture.clock.now().plus(DAY * 20);
    fixture.app.issue_api_key(&admins(&acme), None, Some(expires)).await.unwrap();
    let mut told = Vec::new();
    for day in 0..20 {
        for (_, subject) in mailed(&fixture, &mailer).await {
            told.push((day, subject));
        }
        fixture.courier.clean().await.unwrap();
        fixture.clock.advance(DAY - Duration::from_secs(600));
    }
    let days: Vec<_> = told.iter().map(|(day, subject)| (*day, subject.contains("14 days"))).collect();
    assert_eq!(days, [(6, true), (6, true), (17, false), (17, false)], "{told:?}");
}

#[tokio::test]
async fn without_a_mail_service_nothing_is_written() {
    let (mut fixture, mailer, acme, webhook) = mailing().await;
    fixture.courier.mailing = None;
    note(&fixture, &webhook, "disabled", 1);
    fixture.app.rotate_api_key(&admins(&acme), None, Duration::ZERO).await.unwrap();
    assert_eq!(mailed(&fixture, &mailer).await, []);
    let count =
        fixture.database.query(Statement::new("SELECT COUNT(*) AS n FROM mails WHERE sent_at IS NULL"));
    assert_eq!(count[0]["n"], 0);
}
