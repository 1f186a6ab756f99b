use super::*;
use ::base64::Engine as _;
use base64::engine::general_purpose as base64;
use proptest::prelude::*;

/// This many characters of a secret count as the secret, where the text is cut.
const SHORTEST_PART: usize = 4;
const TOKEN: &str = r#"a+b/c"d<e>&f'g%41\u0041=h~i"#;

fn without_secrets(text: &str, secrets: &[SecretString]) -> String {
    Redactor::of(secrets).redact(text)
}

fn shown(text: &str) -> String {
    shown_of(text, TOKEN)
}

fn shown_of(text: &str, secret: &str) -> String {
    without_secrets(text, &[secret.to_owned().into()])
}

#[test]
fn a_text_without_secrets_stays_as_it_is() {
    for text in ["", "not found", "100 % & <b>ü\\u00fc", "&#", "%", "&#x;", "\\", "a+b/d"] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn every_spelling_is_blanked() {
    let json = serde_json::to_string(TOKEN).unwrap().trim_matches('"').to_owned();
    let numbers = |radix: fn(char) -> String| TOKEN.chars().map(radix).collect::<String>();
    let spellings = [
        TOKEN.to_owned(),
        json.replace('/', "\\/"),
        json,
        TOKEN.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"),
        numbers(|character| format!("&#{};", u32::from(character))),
        numbers(|character| format!("&#x{:X};", u32::from(character))),
        numbers(|character| format!("%{:02X}", u32::from(character))),
        numbers(|character| format!("%{:02x}", u32::from(character))),
        numbers(|character| format!("\\u{:04x}", u32::from(character))),
    ];
    for spelling in spellings {
        assert_eq!(shown(&format!("sent: {spelling}.")), "sent: [secret].", "{spelling}");
    }
}

#[test]
fn a_secret_in_base64_is_blanked_wherever_it_stands_in_the_encoded_text() {
    for before in ["", "x", "Bearer ", "user:"] {
        for engine in [base64::STANDARD, base64::URL_SAFE] {
            let echoed = engine.encode(format!("{before}{TOKEN}, and so on"));
            let blanked = shown(&echoed);
            assert!(blanked.contains(BLANK), "{blanked}");
            // At most the characters at the ends, which tell a few bits, are left.
            let left = echoed.len() - (blanked.len() - BLANK.len());
            assert!(left >= TOKEN.len() * 4 / 3 - 2, "{blanked}");
        }
    }
}

#[test]
fn a_secret_cut_off_by_the_end_is_blanked() {
    for length in SHORTEST_PART..TOKEN.len() {
        assert_eq!(shown(&format!("got {}", &TOKEN[..length])), "got [secret]");
    }
    assert_eq!(shown("got a%2Bb%2Fc%2"), "got [secret]");
    assert_eq!(shown("got a+b/c&quo"), "got [secret]");
}

#[test]
fn a_secret_that_the_text_begins_within_is_blanked() {
    for length in SHORTEST_PART..TOKEN.len() {
        assert_eq!(shown(&format!("{} was sent", &TOKEN[TOKEN.len() - length..])), "[secret] was sent");
    }
}

#[test]
fn a_cut_in_any_form_shows_no_part_that_is_worth_something() {
    const PLAIN: &str = "s3cr3t-token/of+a partner";
    let token = PLAIN.replace(' ', "-");
    for form in spellings(&token) {
        let (before, after) = ("x".repeat(20), "y".repeat(20));
        // A fifth is five characters of the secret.
        for cut in form.len() / 5 + 1..form.len() {
            let Some(text) = form.get(..cut) else { continue };
            let shown = without_secrets(&format!("{before} {text}"), &[token.clone().into()]);
            assert_eq!(
                shown.trim_end_matches(['"', '&', '#']),
                format!("{before} [secret]"),
                "{form} at {cut}"
            );
        }
        let shown = without_secrets(&format!("{before} {form} {after}"), &[token.clone().into()]);
        assert_eq!(shown, format!("{before} [secret] {after}"), "{form}");
    }
}

/// A text in many forms that pages, logs and debuggers write.
fn spellings(text: &str) -> Vec<String> {
    let each = |write: &dyn Fn(u32) -> String| {
        text.chars().map(|character| write(u32::from(character))).collect::<String>()
    };
    let html = |text: &str| {
        text.replace('&', "&amp;").replace('/', "&#x2F;").replace('+', "&plus;").replace('-', "&#45;")
    };
    let url = each(&|code| format!("%{code:02X}"));
    let swapped = |character: char| {
        if character.is_ascii_lowercase() {
            character.to_ascii_uppercase()
        } else {
            character.to_ascii_lowercase()
        }
    };
    vec![
        text.to_owned(),
        text.to_uppercase(),
        text.chars().map(swapped).collect(),
        text.chars().rev().collect(),
        html(text),
        html(&html(text)),
        html(&html(&html(text))),
        each(&|code| format!("&#{code};")),
        each(&|code| format!("&#{code:07};")),
        each(&|code| format!("&#x{code:x};")),
        each(&|code| format!("&amp;#{code};")),
        each(&|code| format!("&amp;#x{code:X};")),
        url.to_lowercase(),
        url.replace('%', "%25"),
        url.replace('%', "%2525"),
        url.replace('%', "&#37;"),
        url.replace('%', "="),
        each(&|code| format!("\\u{code:04x}")),
        each(&|code| format!("\\\\u{code:04X}")),
        each(&|code| format!("\\u{{{code:x}}}")),
        each(&|code| format!("\\x{code:02x}")),
        each(&|code| format!("\\{code:03o}")),
        each(&|code| format!("%u{code:04X}")),
        hex::encode(text),
        hex::encode_upper(text),
        text.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(","),
        text.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", "),
        text.chars().map(String::from).collect::<Vec<_>>().join("\0"),
        text.as_bytes()
            .chunks(7)
            .map(|part| String::from_utf8_lossy(part).into_owned())
            .collect::<Vec<_>>()
            .join("\r\n"),
        text.as_bytes()
            .chunks(7)
            .map(|part| String::from_utf8_lossy(part).into_owned())
            .collect::<Vec<_>>()
            .join("\\n"),
    ]
}

/// Lines of a dump of bytes: each with an offset and a column of characters, as `write` has them.
fn dump(text: &str, width: usize, write: impl Fn(usize, &[u8], &str) -> String) -> String {
    let line = |(place, bytes): (usize, &[u8])| {
        let shown: String =
            bytes.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect();
        write(place * width, bytes, &shown)
    };
    text.as_bytes().chunks(width).enumerate().map(line).collect()
}

#[test]
fn a_dump_of_bytes_shows_no_secret_in_any_column() {
    const SECRET: &str = "s3cr3t-tok|n/of+a_partner:A5f0beadfeed";
    let groups =
        |bytes: &[u8], size: usize| bytes.chunks(size).map(hex::encode).collect::<Vec<_>>().join(" ");
    let numbers = |bytes: &[u8], write: fn(u8) -> String| {
        bytes.iter().map(|byte| write(*byte)).collect::<Vec<_>>().join(" ")
    };
    let swapped = |bytes: &[u8]| {
        bytes
            .chunks(2)
            .map(|pair| hex::encode(pair.iter().rev().copied().collect::<Vec<_>>()))
            .collect::<Vec<_>>()
    };
    for before in ["", "x-api-key: ", "POST /hook HTTP/1.1\r\nx: "] {
        let sent = format!("{before}{SECRET}\r\naccept: */*, and so on");
        let dumps = [
            // hexdump -C
            dump(&sent, 16, |at, bytes, shown| {
                let (first, second) = bytes.split_at(bytes.len().min(8));
                format!("{at:08x}  {:23}  {:23}  |{shown}|\n", groups(first, 1), groups(second, 1))
            }),
            // xxd
            dump(&sent, 16, |at, bytes, shown| format!("{at:08x}: {:39}  {shown}\n", groups(bytes, 2))),
            dump(&sent, 16, |at, bytes, shown| {
                format!("{at:08x}: {:47}  {shown}\n", groups(bytes, 1).to_uppercase())
            }),
            // A debugger, with words; a packet's dump; one without offsets; one within JSON.
            dump(&sent, 16, |at, bytes, shown| format!("0x{at:016x}  {:35}  {shown}\r\n", groups(bytes, 4))),
            dump(&sent, 8, |at, bytes, shown| format!("{at:04X}   {:23}   {shown}\n", groups(bytes, 1))),
            dump(&sent, 16, |_, bytes, shown| format!("{:47} | {shown}\n", groups(bytes, 1))),
            dump(&sent, 16, |at, bytes, shown| format!("{at:08x}  {:47}  |{shown}|\\n", groups(bytes, 1))),
            dump(&sent, 16, |at, bytes, shown| format!("    {at:04x}:\t{:47}\t{shown}\n", groups(bytes, 1))),
            // od -t x1, -t u1, -t o1, -t x2, -c
            dump(&sent, 16, |at, bytes, _| format!("{at:07o} {}\n", groups(bytes, 1))),
            dump(&sent, 16, |at, bytes, _| {
                format!("{at:07o} {}\n", numbers(bytes, |byte| format!("{byte:>3}")))
            }),
            dump(&sent, 16, |at, bytes, _| {
                format!("{at:07o} {}\n", numbers(bytes, |byte| format!("{byte:03o}")))
            }),
            dump(&sent, 16, |at, bytes, _| format!("{at:07o} {}\n", swapped(bytes).join(" "))),
            dump(&sent, 16, |at, _, shown| {
                let shown = shown.chars().map(|character| format!("   {character}")).collect::<String>();
                format!("{at:07o}{shown}\n")
            }),
        ];
        for text in dumps {
            let blanked = shown_of(&text, SECRET);
            assert!(blanked.contains(BLANK), "{text}");
            assert!(text.len() - blanked.len() > SECRET.len() * 2, "{text}\nbecomes\n{blanked}");
            for cut in 0..=text.len() {
                let blanked = shown_of(&text[..cut], SECRET);
                for part in SECRET.as_bytes().windows(6) {
                    for part in [String::from_utf8_lossy(part).into_owned(), groups(part, 1), groups(part, 2)]
                    {
                        assert!(!blanked.contains(&part), "{part} of {text}\ncut at {cut} is in\n{blanked}");
                    }
                }
            }
        }
    }
}

#[test]
fn utf_16_in_hexadecimal_is_blanked() {
    let units: Vec<u16> = TOKEN.encode_utf16().collect();
    let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    for (bytes, ends) in [(little, ["", "00"]), (big, ["00", ""])] {
        let echoed = format!("sent ({})", hex::encode(bytes));
        assert_eq!(shown(&echoed), format!("sent ({}[secret]{})", ends[0], ends[1]));
    }
}

#[test]
fn base64_is_found_in_lines_and_escaped() {
    let echoed = base64::STANDARD.encode(format!("user:{TOKEN}, and so on, for a while"));
    let lines: Vec<_> =
        echoed.as_bytes().chunks(16).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    for text in [lines.join("\r\n"), lines.join("\\n"), echoed.replace('+', "%2B").replace('/', "\\/")] {
        let blanked = shown(&text);
        assert!(blanked.contains(BLANK) && text.len() - blanked.len() > TOKEN.len(), "{blanked}");
    }
}

#[test]
fn a_token_that_can_be_read_in_many_ways_is_blanked_soon() {
    let token = SecretString::from("\\".repeat(512));
    assert_eq!(without_secrets(&"\\".repeat(1_024), &[token]), BLANK);
}

proptest! {
    #[test]
    fn no_text_breaks_it_and_none_shows_the_secret(before in ".{0,80}", after in ".{0,80}", token in "[!-~]{16,64}") {
        let blanked = without_secrets(&format!("{before}{token}{after}"), &[token.clone().into()]);
        prop_assert!(!blanked.contains(&token), "{blanked}");
    }
}

mod encodings;
mod rare;

#[test]
fn what_was_made_of_a_text_is_remembered_for_that_text_alone() {
    let redactor = Redactor::of(&[TOKEN.to_owned().into()]);
    let texts: Vec<String> =
        (0..2 * MOST_REMEMBERED).map(|n| format!("refused {n}: {}", &TOKEN[n..])).collect();
    for text in texts.iter().chain(texts.iter().rev()).flat_map(|text| [text, text]) {
        assert_eq!(redactor.redact(text), shown(text));
    }
    let remembered = redactor.remembered.lock().unwrap();
    let known: Vec<&str> = remembered.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(known, texts[..MOST_REMEMBERED].iter().rev().map(String::as_str).collect::<Vec<_>>());
}
