use std::mem::discriminant;

use super::*;
use crate::environment::Environment;

fn parse_in(environment: Environment, raw: &str) -> Result<String, UrlFault> {
    WebhookUrl::parse(raw, &environment.webhook_url_rules()).map(|url| url.as_str().to_owned())
}

fn parse(raw: &str) -> Result<String, UrlFault> {
    parse_in(Environment::Prod, raw)
}

const DEPLOYED: [Environment; 4] =
    [Environment::Dev, Environment::Nonprod, Environment::Stage, Environment::Prod];

/// Asserts that the URL is refused with this kind of fault in these environments.
fn assert_fault(environments: &[Environment], fault: &UrlFault, url: &str) {
    for environment in environments {
        match parse_in(*environment, url) {
            Ok(href) => panic!("{environment}: {url:?} was accepted as {href}"),
            Err(found) if discriminant(&found) == discriminant(fault) => {}
            Err(found) => panic!("{environment}: {url:?}: {found}"),
        }
    }
}

/// Asserts that each URL of a list separated by white space is refused in every environment but `local`.
fn assert_refused(fault: &UrlFault, urls: &str) {
    urls.split_whitespace().for_each(|url| assert_fault(&DEPLOYED, fault, url));
}

/// Asserts that each URL of a list separated by white space is refused in every environment.
fn assert_refused_everywhere(fault: &UrlFault, urls: &str) {
    urls.split_whitespace().for_each(|url| assert_fault(&Environment::ALL, fault, url));
}

#[test]
fn ordinary_urls_are_accepted_and_normalised() {
    let accepted = [
        ("https://example.com", "https://example.com/"),
        ("https://example.com/", "https://example.com/"),
        ("HTTPS://Hooks.Example.COM/Path", "https://hooks.example.com/Path"),
        ("https://example.com:443/", "https://example.com/"),
        ("https://example.com:1024/", "https://example.com:1024/"),
        ("https://example.com:65535/", "https://example.com:65535/"),
        ("https://example.com/a/../b?x=1&y=@:/?%20", "https://example.com/b?x=1&y=@:/?%20"),
        ("https://example.com/@user", "https://example.com/@user"),
        ("https://example.com?x=1", "https://example.com/?x=1"),
        ("https://example.com/ä", "https://example.com/%C3%A4"),
        ("https://münchen.example.com/", "https://xn--mnchen-3ya.example.com/"),
        ("https://xn--mnchen-3ya.example.com/", "https://xn--mnchen-3ya.example.com/"),
        ("https://例え.テスト.jp/", "https://xn--r8jz45g.xn--zckzah.jp/"),
        ("https://пример.рф/", "https://xn--e1afmkfd.xn--p1ai/"),
        ("https://ｅｘａｍｐｌｅ。ｃｏｍ/", "https://example.com/"),
        ("https://r3---sn-ab.example.com/", "https://r3---sn-ab.example.com/"),
        ("https://1.example.com/", "https://1.example.com/"),
        ("https://0x7f.example.com/", "https://0x7f.example.com/"),
        ("https://8.8.8.8.example.com/", "https://8.8.8.8.example.com/"),
        ("https://localhost.example.com/", "https://localhost.example.com/"),
        ("https://local.test.example.com/", "https://local.test.example.com/"),
        ("https://partner.workers.dev/", "https://partner.workers.dev/"),
        ("https://my-spk-dev.workers.dev/", "https://my-spk-dev.workers.dev/"),
        ("https://notsmartphonekey.com/", "https://notsmartphonekey.com/"),
        ("https://smartphonekey.com.example.com/", "https://smartphonekey.com.example.com/"),
        ("https://hook.eu1.make.com/abc123", "https://hook.eu1.make.com/abc123"),
    ];
    for (raw, href) in accepted {
        assert_eq!(parse(raw).as_deref(), Ok(href), "{raw}");
    }
}

#[test]
fn only_https_is_accepted_outside_dev_and_local() {
    let others = "
        ftp://example.com/ example.com //example.com/ https:example.com https:/example.com javascript:alert(1)
        data:,x file:///etc/passwd wss://example.com/ httpsx://example.com https https//example.com ｈttps://example.com
        htt é://example.com
    ";
    for url in others.split_whitespace() {
        assert_fault(&[Environment::Local, Environment::Dev], &UrlFault::NotHttp, url);
    }
    for url in others.split_whitespace().chain(["http://example.com/", "HTTP://example.com:8080/"]) {
        assert_fault(
            &[Environment::Nonprod, Environment::Stage, Environment::Prod],
            &UrlFault::NotHttps,
            url,
        );
    }
}

#[test]
fn plain_http_is_accepted_in_dev_on_port_80_443_and_above_1023() {
    for (raw, href) in [
        ("http://example.com/", "http://example.com/"),
        ("HTTP://example.com:80", "http://example.com/"),
        ("http://example.com:8080/", "http://example.com:8080/"),
        ("http://example.com:443/", "http://example.com:443/"),
    ] {
        assert_eq!(parse_in(Environment::Dev, raw).as_deref(), Ok(href));
        assert_eq!(parse_in(Environment::Local, raw).as_deref(), Ok(href));
    }
    assert_refused(&UrlFault::Port, "https://example.com:80/");
    assert_eq!(parse_in(Environment::Dev, "http://example.com:81/"), Err(UrlFault::Port));
}

#[test]
fn ports_below_1024_other_than_443_are_refused() {
    assert_refused(
        &UrlFault::Port,
        "https://example.com:0/ https://example.com:1/ https://example.com:22/ https://example.com:25/
        https://example.com:80/ https://example.com:442/ https://example.com:444/ https://example.com:1023/
        https://example.com:65536/ https://example.com:99999999999/ https://example.com:/ https://example.com:
        https://example.com:44a/ https://example.com:-1/ https://example.com:4４3/",
    );
}

#[test]
fn white_space_control_and_invisible_characters_are_refused_anywhere() {
    let formats = "\u{ad}\u{1680}\u{2003}\u{2028}\u{2029}\u{200b}\u{200d}\u{202e}\u{2060}\u{2066}\u{3000}\u{feff}\
        \u{e0041}";
    for character in ('\0'..=' ').chain('\u{7f}'..='\u{a0}').chain(formats.chars()) {
        for place in "
            _https://example.com/ https_://example.com/ https:/_/example.com/ https://_example.com/
            https://exam_ple.com/ https://example.com_/ https://example.com:4_43/ https://example.com/_
            https://example.com/?a=_b"
            .split_whitespace()
        {
            let url = place.replace('_', &character.to_string());
            assert_fault(&Environment::ALL, &UrlFault::ForbiddenCharacter, &url);
        }
    }
}

#[test]
fn backslashes_are_refused_anywhere() {
    assert_refused_everywhere(
        &UrlFault::Backslash,
        r"https:\\example.com/ https:/\example.com/ https://example.com\@localhost/ https://example.com/a\b
        https://example.com/?a=\ \\example.com",
    );
}

#[test]
fn user_information_is_refused_even_when_empty() {
    assert_refused_everywhere(
        &UrlFault::UserInfo,
        "https://user@example.com/ https://user:password@example.com/ https://:password@example.com/
        https://@example.com/ https://:@example.com/ https://example.com@localhost/ https://a@b@example.com/
        https://user%40x@example.com/ https://example.com:443@127.0.0.1/ https://@/",
    );
}

#[test]
fn fragments_are_refused_even_when_empty() {
    assert_refused_everywhere(
        &UrlFault::Fragment,
        "https://example.com/#x https://example.com/# https://example.com#@localhost/ https://#",
    );
}

#[test]
fn a_url_without_host_is_refused() {
    assert_fault(&Environment::ALL, &UrlFault::Empty, "");
    assert_refused_everywhere(
        &UrlFault::NoHost,
        "https:// https:/// https:///example.com/ https:////example.com/ https://:443/ https://:/ https://?x
        https://?example.com",
    );
}

#[test]
fn a_url_of_2048_characters_is_accepted_and_one_more_is_refused() {
    let url = format!("https://example.com/{}", "a".repeat(2048 - 20));
    assert_eq!(parse(&url), Ok(url.clone()));
    assert_refused_everywhere(&UrlFault::TooLong, &format!("{url}a"));
    let grows_when_encoded = format!("https://example.com/{}", "ä".repeat(1000));
    assert_refused_everywhere(&UrlFault::TooLong, &grows_when_encoded);
}

#[test]
fn local_accepts_loopback_private_hosts_and_any_port() {
    for (raw, href) in [
        ("http://localhost:9000/inbox", "http://localhost:9000/inbox"),
        ("http://127.0.0.1:81/", "http://127.0.0.1:81/"),
        ("https://[::1]:8443/x", "https://[::1]:8443/x"),
        ("http://inbox/", "http://inbox/"),
        ("http://10.1.2.3:22/", "http://10.1.2.3:22/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://webhook-delivery.localhost:8787/", "http://webhook-delivery.localhost:8787/"),
        ("https://www.smartphonekey.com/", "https://www.smartphonekey.com/"),
    ] {
        assert_eq!(parse_in(Environment::Local, raw).as_deref(), Ok(href));
    }
}

#[test]
fn the_host_is_told_without_port() {
    let host = |raw: &str| {
        WebhookUrl::parse(raw, &Environment::Local.webhook_url_rules()).unwrap().host().to_owned()
    };
    assert_eq!(host("https://Example.com:8443/x"), "example.com");
    assert_eq!(host("http://[::0001]:8443/x"), "[::1]");
    assert_eq!(host("http://127.1:8443/x"), "127.0.0.1");
}

#[test]
fn a_typed_url_is_checked_by_every_rule_but_that_its_host_is_public() {
    let rules = Environment::Prod.webhook_url_rules();
    let typed = |raw: &str| WebhookUrl::normalised(raw, &rules);
    for (raw, href) in [
        ("HTTPS://Hooks.Example.com:443", "https://hooks.example.com/"),
        ("https://co.uk/", "https://co.uk/"),
        ("https://x.internal/", "https://x.internal/"),
    ] {
        assert_eq!(typed(raw).as_deref(), Ok(href));
    }
    for (raw, fault) in [
        ("http://example.com/", UrlFault::NotHttps),
        ("https://example.com:80/", UrlFault::Port),
        ("https://127.1/", UrlFault::IpAddress),
        ("https://a..b/", UrlFault::HostName),
    ] {
        assert_eq!(typed(raw), Err(fault));
    }
}

#[test]
fn a_url_serialises_as_its_text() {
    let url = WebhookUrl::parse("https://Example.com", &Environment::Prod.webhook_url_rules()).unwrap();
    assert_eq!(serde_json::to_string(&url).unwrap(), "\"https://example.com/\"");
}

#[test]
fn messages_complete_the_name_of_the_field() {
    assert_eq!(parse("http://example.com").unwrap_err().to_string(), "must use https");
    assert_eq!(
        parse("https://a:b@example.com").unwrap_err().to_string(),
        "must not contain user name or password"
    );
    assert_eq!(
        parse("https://x.internal").unwrap_err().to_string(),
        "must name a host in the public DNS; x.internal is not"
    );
    assert_eq!(
        parse("https://a＠b.com").unwrap_err().to_string(),
        "must name a valid host: labels of 1 to 63 letters, digits and hyphens, at most 253 characters"
    );
}

mod hosts;
mod properties;
