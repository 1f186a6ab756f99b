use proptest::prelude::*;

use super::*;

/// Every way to write an IPv4 address that `inet_aton` or the WHATWG parser reads.
fn spellings(address: u32) -> Vec<String> {
    let [a, b, c, d] = address.to_be_bytes();
    let (low24, low16) = (address & 0xff_ffff, address & 0xffff);
    vec![
        format!("{a}.{b}.{c}.{d}"),
        format!("{a}.{b}.{low16}"),
        format!("{a}.{low24}"),
        format!("{address}"),
        format!("{address:#x}"),
        format!("0x{address:08x}"),
        format!("0{address:o}"),
        format!("0000{address:o}"),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("{a}.0{b:o}.{low16:#x}"),
        format!("{a:#x}.0{low24:o}"),
        format!("[::ffff:{a}.{b}.{c}.{d}]"),
        format!("[::ffff:{:x}:{low16:x}]", address >> 16),
        format!("[64:ff9b::{a}.{b}.{c}.{d}]"),
        format!("[2002:{:x}:{low16:x}::]", address >> 16),
    ]
}

/// The same text with each ASCII letter and digit in another Unicode form that IDNA maps back to it.
fn full_width(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '!'..='~' => char::from_u32(u32::from(character) + 0xfee0).unwrap(),
            other => other,
        })
        .collect()
}

fn circled(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '0' => '⓪',
            '1'..='9' => char::from_u32(u32::from(character) - 0x31 + 0x2460).unwrap(),
            'a'..='z' => char::from_u32(u32::from(character) - 0x61 + 0x24d0).unwrap(),
            other => other,
        })
        .collect()
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

proptest! {
    #[test]
    fn every_ipv4_address_is_refused_in_every_spelling(address: u32) {
        for plain in spellings(address) {
            let disguised = [full_width(&plain), circled(&plain), percent_encoded(&plain)];
            let ordinary = [plain.clone(), plain.to_uppercase(), format!("{plain}.")];
            for host in ordinary.iter().chain(&disguised) {
                for tail in ["", "/", "/x?y", ":443/", ":8443"] {
                    let url = format!("https://{host}{tail}");
                    prop_assert!(parse(&url).is_err(), "{} was accepted", url);
                    let plain_http = url.replace("https", "http");
                    prop_assert!(parse_in(Environment::Dev, &plain_http).is_err(), "{}", plain_http);
                }
            }
        }
    }

    #[test]
    fn every_ipv6_address_is_refused(groups: [u16; 8], zeros in 0usize..8) {
        let mut groups = groups;
        groups[..zeros].fill(0);
        let address = std::net::Ipv6Addr::from(groups);
        let long = groups.map(|group| format!("{group:04x}")).join(":");
        let bare = address.to_string();
        for host in [format!("[{bare}]"), format!("[{long}]"), format!("[{bare}%25eth0]"), bare] {
            for url in [format!("https://{host}/"), format!("https://{}/", host.to_uppercase())] {
                prop_assert!(parse(&url).is_err(), "{} was accepted", url);
            }
        }
    }

    #[test]
    fn a_host_whose_last_label_is_a_number_is_refused(
        labels in "([a-z0-9]{1,5}\\.){0,5}",
        last in "[0-9]{1,12}|0[xX][0-9a-fA-F]{0,9}",
    ) {
        let url = format!("https://{labels}{last}/");
        prop_assert!(parse(&url).is_err(), "{} was accepted", url);
    }

    #[test]
    fn parsing_a_parsed_url_again_changes_nothing(
        host in "([a-zA-Z0-9äéßπЖ名]{1,8}\\.){1,3}(com|de|рф|co\\.uk)",
        port in "|:443|:[2-5][0-9]{4}",
        rest in "(/[!-~&&[^\\\\#]]{0,20}|/[äß名😀%.]{0,9}){0,3}(\\?[!-~&&[^\\\\#]]{0,20})?",
    ) {
        if let Ok(once) = parse(&format!("https://{host}{port}{rest}")) {
            prop_assert!(once.is_ascii());
            prop_assert_eq!(parse(&once), Ok(once.clone()));
        }
    }

    #[test]
    fn an_ordinary_name_is_accepted(
        name in "[a-z][a-z0-9]{0,20}(-[a-z0-9]{1,10})?\\.(com|net|io|co\\.uk)",
        path in "(/[a-zA-Z0-9_~-]{1,10}){0,4}",
    ) {
        let url = format!("https://hooks.{name}{path}");
        prop_assert!(parse(&url).is_ok(), "{} was refused", url);
    }

    #[test]
    fn whatever_is_accepted_is_a_public_name_over_https(raw in "https://[ -~¹-ʯ０-９。①-⑳ⓐ-ⓩ]{1,24}") {
        if let Ok(href) = parse(&raw) {
            let url = url::Url::parse(&href).unwrap();
            prop_assert_eq!(url.scheme(), "https");
            prop_assert!(matches!(url.host(), Some(url::Host::Domain(name)) if name.contains('.')));
            prop_assert_eq!((url.username(), url.password(), url.fragment()), ("", None, None));
            prop_assert!(matches!(url.port(), None | Some(1024..)));
        }
    }

    #[test]
    fn no_text_makes_it_panic(raw: String) {
        for environment in Environment::ALL {
            let _ = parse_in(environment, &raw);
            let _ = parse_in(environment, &format!("https://{raw}"));
        }
    }
}
