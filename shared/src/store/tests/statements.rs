//! One of each statement of the store.

use std::collections::BTreeMap;

use serde_json::json;

use super::WEBHOOK;
use crate::actor::Actor;
use crate::api_key::ApiKey;
use crate::delivery::progress::{Origin, Progress};
use crate::delivery::standing::{Stage, Standing};
use crate::environment::Environment;
use crate::event::id::EventId;
use crate::event::message::{DeliveryKey, WebhookKey};
use crate::mail::Topic;
use crate::packing::Packed;
use crate::page::Page;
use crate::ports::Statement;
use crate::shard::{Bucket, ShardCount};
use crate::store::kept_answers::{AnsweredChange, NewAnswer};
use crate::store::*;
use crate::tenant::{EmailAddress, OrgId, OrgName};
use crate::time::Timestamp;
use crate::transition::{Aggregate, TransitionKind};
use crate::webhook::filter::EventFilter;
use crate::webhook::health::{Change, Condition, HealthPolicy};
use crate::webhook::id::WebhookId;
use crate::webhook::url::WebhookUrl;

const PAGE: Page = Page { limit: 50, offset: 0 };

/// One of each statement, by module and function, all about one tenant with one webhook, and asked for by this actor.
pub(super) fn all(actor: &Actor) -> BTreeMap<&'static str, Vec<Statement>> {
    let org = &OrgId::parse("acme-corp").unwrap();
    let id = &WebhookId::parse(WEBHOOK).unwrap();
    let webhook = &WebhookKey { org_id: org.clone(), webhook_id: *id };
    let event = &EventId::parse("held-5").unwrap();
    let key = &DeliveryKey { org_id: org.clone(), webhook_id: *id, event_id: event.clone() };
    let fresh_event = &EventId::parse("fresh").unwrap();
    let now = Timestamp::from_milliseconds(50_000_000);
    let tenant = &TenantScope::new(actor.clone(), org.clone());
    let notice = &notices::NoticeRow {
        sequence: 1,
        id: "notice-1".to_owned(),
        webhook_id: Some(*id),
        org_id: org.clone(),
        change: Change::Verified.as_str().to_owned(),
        details: "{}".to_owned(),
        at: 50_000_000,
    };
    let another_tenant = &TenantScope::new(actor.clone(), OrgId::parse("another").unwrap());
    let name = &OrgName::parse("ACME").unwrap();
    let owner = &EmailAddress::parse("owner@acme-corp.com").unwrap();
    let person = &EmailAddress::parse("colleague@acme-corp.com").unwrap();
    let api_key = &ApiKey::parse("3f9a1b2c4d5e6f708192a3b4c5d6e7f80a1b7d4e").unwrap();
    let digest = &api_key.digest();
    let url =
        &WebhookUrl::parse("https://hooks.example.com/in", &Environment::Prod.webhook_url_rules()).unwrap();
    let events = &EventFilter::everything();
    let auth = &webhooks::StoredAuthentication {
        authentication: crate::webhook::authentication::Authentication::None,
        sealed_token: None,
    };
    let letter = crate::dead_letter::DeadLetterId::from_random_bytes(Bucket(7), [7; 16]);
    let matched = (1, "acme".to_owned(), "acme-corp".to_owned());
    let another = &WebhookId::from_random_bytes(Bucket(7), [7; 16]);
    let new_webhook =
        webhooks::NewWebhook { id: another, url, events, sealed_secret: "1.a.b", auth, at: now, most: 20 };
    let change = webhooks::WebhookChange { events: Some(events), ..webhooks::WebhookChange::default() };
    let answer = NewAnswer { id: "answer", request: "request", sealed: "1.a.b", at: now };
    let new_key = api_keys::NewApiKey {
        key: api_key,
        org_name: None,
        at: now,
        by: "admin@smartphonekey.com",
        expires_at: None,
    };
    let transition =
        || transitions::NewTransition { kind: TransitionKind::WebhookChanged, at: now, details: json!({}) };
    let progress = |origin| Progress {
        key: key.clone(),
        event_type: "KeyAdded".into(),
        standing: Standing::held(now, 1),
        attempt: None,
        origin,
        body: Some("{}".into()),
    };
    let fresh = progress(Origin::Fresh { at: now });
    let leased = progress(Origin::Leased { until: now });
    let told = health::NewNotice { id: "n".into(), change: Change::Failing, details: json!({}), at: now };
    let condition = health::NewCondition {
        webhook: webhook.clone(),
        based_on: 0,
        stamp: 1,
        condition: Condition::verified(now, &HealthPolicy::default()),
        delivered_at: None,
        failed: None,
        verified_at: None,
        told: Some(told),
    };
    let conditions = &[condition];
    let stages = vec![Stage::Failed, Stage::Dead];
    let range = &redelivery::Range { since: Timestamp::from_milliseconds(0), until: now, stages };
    let delivered = &redelivery::Range { stages: vec![Stage::Delivered], ..range.clone() };
    let place = &(i64::MAX >> 11, String::new());
    let packed = &Packed::Text("{}".into());
    let position = &retention::Position::default();
    let kept = retention::Kept { delivered: now, undelivered: now };
    let values = sealing::Values { secret: "s".into(), previous_secrets: "[]".into(), auth_token: None };
    let anew = sealing::SealedAnew { id: *id, was: values.clone(), becomes: values };
    let rotation = secrets::Rotation {
        sealed: "1.b.d",
        overlap_until: Some(now),
        based_on: Some("1.b.c"),
        repeated: &["1.b.a".to_owned()],
        at: now,
    };
    let slice = deliveries::Slice { limit: 100, offset: 0 };
    let people: [&[&str]; 3] = [&[], &["a@b.c"], &["a@b.c", "d@e.f"]];
    let one = |statement: Statement| vec![statement];
    let guarded = |mut statements| {
        shard::guard(&mut statements, 0, ShardCount::ONE);
        statements
    };
    BTreeMap::from([
        ("api_keys::insert", one(api_keys::insert(tenant, &new_key))),
        ("api_keys::release_expired", one(api_keys::release_expired(tenant, now))),
        ("api_keys::end_all", one(api_keys::end_all(tenant, now))),
        ("api_keys::by_digest", one(api_keys::by_digest(digest))),
        ("api_keys::last", one(api_keys::last(tenant))),
        ("api_keys::count", one(api_keys::count(tenant))),
        ("api_keys::page", one(api_keys::page(tenant, PAGE))),
        ("dead_letters::insert", one(dead_letters::insert(letter, &"x".into(), None, now))),
        ("dead_letters::newest", one(dead_letters::newest(None, 50))),
        ("dead_letters::select", one(dead_letters::select(letter))),
        ("dead_letters::requeued", one(dead_letters::requeued(letter, now))),
        ("deliveries::existing", one(deliveries::existing(&[("acme-corp", event)]))),
        ("deliveries::write", deliveries::write(&[fresh.clone(), leased.clone()])),
        ("deliveries::keep_leases", one(deliveries::keep_leases(std::slice::from_ref(&leased), now))),
        ("bodies::keep", one(bodies::keep(org, event, packed, now))),
        ("bodies::keep_of", one(bodies::keep_of(tenant, id, event, packed, None))),
        ("bodies::keep_delivered", one(bodies::keep_delivered(now, 7, &[1, 2]))),
        ("bodies::leased", one(bodies::leased(&[key], now))),
        ("bodies::select", one(bodies::select(tenant, event))),
        ("bodies::delivered_with", one(bodies::delivered_with(tenant, id, event))),
        ("bodies::delivered_at", one(bodies::delivered_at(&[now.milliseconds()]))),
        ("bodies::delete_delivered", one(bodies::delete_delivered(now, 5_000))),
        ("bodies::next_old", one(bodies::next_old(0, now, 5_000))),
        ("bodies::delete_old", one(bodies::delete_old(0, now, 5_000))),
        ("deliveries::lease", one(deliveries::lease(&[key], now, now, now))),
        ("deliveries::take_overdue", one(deliveries::take_overdue(now, now, slice))),
        ("deliveries::end_expired", one(deliveries::end_expired(now, slice))),
        (
            "delivery_log::newest",
            vec![
                delivery_log::newest(tenant, Some(id), &[], Timestamp::from_milliseconds(0), place, 50),
                delivery_log::newest(tenant, None, &[], Timestamp::from_milliseconds(0), place, 50),
                delivery_log::newest(
                    tenant,
                    Some(id),
                    &[Stage::Failed, Stage::Dead],
                    Timestamp::from_milliseconds(0),
                    place,
                    50,
                ),
            ],
        ),
        ("delivery_log::of_event", one(delivery_log::of_event(tenant, event))),
        ("delivery_log::select", one(delivery_log::select(tenant, id, event))),
        ("redelivery::redeliver", one(redelivery::redeliver(tenant, id, event, now))),
        (
            "deliveries::insert_scheduled",
            deliveries::insert_scheduled(tenant, id, fresh_event, "KeyAdded", now),
        ),
        ("delivery_summary::by_hour", one(delivery_summary::by_hour(tenant, now, now, 100))),
        ("health::write", one(health::write(conditions))),
        ("health::tell", health::tell(conditions).into_iter().collect()),
        (
            "kept_answers::keep",
            [
                AnsweredChange::Registered,
                AnsweredChange::ApiKey(digest),
                AnsweredChange::Webhook(id),
                AnsweredChange::WorkingWebhook(id),
                AnsweredChange::WebhookSecret(id, "sealed"),
                AnsweredChange::WebhookCondition(id, 1),
                AnsweredChange::Redelivered(id),
            ]
            .iter()
            .enumerate()
            .map(|(number, change)| {
                let answer = NewAnswer { id: &format!("answer-{number}"), ..answer };
                kept_answers::keep(tenant, &answer, change)
            })
            .collect(),
        ),
        ("kept_answers::keep_of_none", one(kept_answers::keep_of_none(&answer))),
        ("kept_answers::find", one(kept_answers::find("answer", Some("owner@example.com")))),
        ("kept_answers::delete_old", one(kept_answers::delete_old(now, 5_000))),
        ("mails::write", one(mails::write(&mails::NewMail::of_notice(notice).expect("a mail")))),
        (
            "mails::transitions_after",
            vec![mails::transitions_after(None, 200), mails::transitions_after(Some(1), 200)],
        ),
        ("mails::failing", one(mails::failing(now, 200))),
        ("mails::expiring", one(mails::expiring(Topic::ExpiresIn3Days, now, 20))),
        ("mails::to_send", one(mails::to_send(now, 10))),
        ("mails::sent", one(mails::sent(&[1], now))),
        ("mails::not_taken", one(mails::not_taken(&[1]))),
        ("mails::delete_old", one(mails::delete_old(now, 5_000))),
        ("members::insert", one(members::insert(tenant, person, now))),
        ("members::insert_owner", one(members::insert_owner(tenant, now))),
        ("members::delete_owner", one(members::delete_owner(tenant, person))),
        ("members::delete", one(members::delete(tenant, person))),
        ("members::delete_all", one(members::delete_all(tenant))),
        ("members::another_tenant", one(members::another_tenant("a@b.c", org))),
        ("members::all", one(members::all(tenant))),
        ("members::select", one(members::select(tenant, person))),
        ("moved::delete_deliveries", one(moved::delete_deliveries(5_000))),
        ("moved::forget_webhooks", one(moved::forget_webhooks())),
        ("moved::delete_bodies", one(moved::delete_bodies(5_000))),
        ("moved::delete_transitions", one(moved::delete_transitions(5_000))),
        ("moved::forget_tenants", one(moved::forget_tenants())),
        ("notices::note_failing", one(notices::note_failing(now, now))),
        ("notices::failing_told", one(notices::failing_told(now, 1))),
        ("notices::note_registered", one(notices::note_registered(tenant, json!({}), now))),
        ("notices::oldest", one(notices::oldest(20))),
        ("notices::delete", one(notices::delete(&[1]))),
        ("notices::waiting", one(notices::waiting(now))),
        ("redelivery::count", one(redelivery::count(tenant, id, range))),
        ("redelivery::hold_slice", one(redelivery::hold_slice(tenant, id, range, now, now))),
        ("redelivery::note_rest", one(redelivery::note_rest(tenant, id, range))),
        ("redelivery::count_delivered", one(redelivery::count_delivered(tenant, id, delivered))),
        ("redelivery::note_delivered", one(redelivery::note_delivered(tenant, id, delivered))),
        ("redelivery::delivered_slice", one(redelivery::delivered_slice(tenant, id, delivered))),
        (
            "redelivery::hold_delivered",
            one(redelivery::hold_delivered(tenant, id, &[event.into()], now, now)),
        ),
        ("redelivery::go_on", one(redelivery::go_on(1, now))),
        ("redelivery::noted", one(redelivery::noted(10))),
        ("redelivery::forget", one(redelivery::forget(1))),
        ("retention::next_position", one(retention::next_position(position, kept))),
        ("retention::keep_last_delivered", one(retention::keep_last_delivered(position, kept))),
        ("retention::delete_slice", one(retention::delete_slice(position, kept))),
        ("retention::delete_dead_letters", one(retention::delete_dead_letters(now))),
        ("retention::delete_notices", one(retention::delete_notices(now))),
        ("rounds::position", one(rounds::position(rounds::CLEAN))),
        ("rounds::remember", one(rounds::remember(rounds::CLEAN, "x"))),
        ("sealing::stale", one(sealing::stale("1.b."))),
        ("sealing::count", one(sealing::count("1.b."))),
        ("sealing::replace", one(sealing::replace(&[anew]))),
        ("shard::guard", guarded(Vec::new())),
        ("shard::marker", one(shard::marker())),
        ("secrets::rotate", one(secrets::rotate(tenant, id, &rotation))),
        ("secrets::sealed", one(secrets::sealed(tenant, id))),
        ("targets::of_tenants", one(targets::of_tenants(&["acme-corp"]))),
        ("targets::of_deliveries", one(targets::of_deliveries(&[key]))),
        ("targets::by_ids", one(targets::by_ids(&[*id]))),
        ("tenants::insert", one(tenants::insert(another_tenant, name, owner, now))),
        ("tenants::ever_registered", one(tenants::ever_registered(tenant))),
        ("tenants::registered", one(tenants::registered(tenant))),
        ("tenants::update", one(tenants::update(tenant, Some(name), None))),
        ("tenants::close", one(tenants::close(tenant, now))),
        ("tenants::select", one(tenants::select(tenant, now))),
        ("tenants::page", people.map(|people| tenants::page(people, None, 50, now)).into()),
        (
            "tenants::search",
            vec![
                tenants::search("ac", None, 50, now),
                tenants::search("ac", Some(&(0, "acm".to_owned(), "acm".to_owned())), 50, now),
                tenants::search("ac", Some(&matched), 50, now),
            ],
        ),
        ("tenants::count", one(tenants::count())),
        ("tenants::count_of", people[1..].iter().map(|people| tenants::count_of(people)).collect()),
        ("tenants::count_in", one(tenants::count_in())),
        ("tenants::count_out", one(tenants::count_out(tenant))),
        ("tenants::count_webhooks", one(tenants::count_webhooks(tenant))),
        ("tending::due", one(tending::due(&[*id], now, 500))),
        ("tending::release", one(tending::release(webhook, std::slice::from_ref(event), 0, now))),
        ("tending::bury", one(tending::bury(id, 0, now))),
        ("tending::end_deleted", one(tending::end_deleted(1, now))),
        ("tending::end_just_deleted", one(tending::end_just_deleted(id, now))),
        ("tending::tend_deleted", one(tending::tend_deleted(&[*id], now))),
        ("tending::deleted", one(tending::deleted(now, 100))),
        ("tending::look_again", one(tending::look_again(1, now))),
        ("tending::forget_deleted", one(tending::forget_deleted(1, now))),
        ("tending::due_while_any_waits", one(tending::due_while_any_waits(&[*id], now, 1))),
        ("tending::overdue", one(tending::overdue(now, -1, 100))),
        ("tending::probe_now", one(tending::probe_now(tenant, id, now, 1))),
        (
            "transitions::append",
            [
                transitions::Guard::Tenant,
                transitions::Guard::WorkingApiKey(now),
                transitions::Guard::NewMember(person),
                transitions::Guard::AddedMember(owner),
                transitions::Guard::Webhook(id),
                transitions::Guard::WebhookSecret(id, "1.b.c"),
                transitions::Guard::DisabledWebhook(id),
            ]
            .map(|guard| transitions::append(tenant, transition(), &guard))
            .into(),
        ),
        ("transitions::latest_version", one(transitions::latest_version(tenant, Aggregate::Tenant))),
        ("transitions::newest", one(transitions::newest(tenant, None, 50))),
        (
            "webhook_trouble::page",
            vec![webhook_trouble::page(&None, 50), webhook_trouble::page(&Some((3, 5, *id)), 50)],
        ),
        ("webhooks::insert", one(webhooks::insert(tenant, &new_webhook))),
        ("webhooks::update", one(webhooks::update(tenant, id, &change, now))),
        ("webhooks::verify_if_changed", one(webhooks::verify_if_changed(tenant, id, url, now, 1))),
        ("webhooks::verify", one(webhooks::verify(tenant, id, now, 1))),
        ("webhooks::enable", one(webhooks::enable(tenant, id, now, 1))),
        ("webhooks::delete", webhooks::delete(tenant, id, now)),
        ("webhooks::delete_all", webhooks::delete_all(tenant, now)),
        ("webhooks::select", one(webhooks::select(tenant, id))),
        ("webhooks::exists", one(webhooks::exists(tenant, id))),
        ("webhooks::count", one(webhooks::count(tenant))),
        ("webhooks::page", one(webhooks::page(tenant, PAGE))),
    ])
}
