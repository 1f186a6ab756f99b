use super::*;

/// Asserts that each host of a list separated by white space is refused wherever we are deployed, in upper
/// case, with a trailing dot and with a port, whatever the fault.
fn assert_hosts_refused(hosts: &str) {
    for host in hosts.split_whitespace() {
        for host in [host.to_owned(), host.to_uppercase(), format!("{host}."), format!("{host}:8443")] {
            for environment in DEPLOYED {
                let url = format!("https://{host}/hook");
                assert!(parse_in(environment, &url).is_err(), "{environment}: {url:?} was accepted");
            }
        }
    }
}

#[test]
fn ip_literals_are_refused_in_every_spelling() {
    assert_hosts_refused(
        "
        127.0.0.1 10.0.0.1 8.8.8.8 169.254.169.254 0.0.0.0 255.255.255.255 0 1 127.1 127.0.1
        2130706433 0x7f000001 0x7f.0.0.1 0x7f.1 0x 0x.0x.0 017700000001 0177.0.0.1 0177.1
        00000177.0.0.1 127.0.0.01 0x7F.0X0.0.1 256.256.256.256 999999999999 1.2.3.4.5 1.2.3.08
        127.0.0.1. example.1 example.0x1 example.09 foo.0x a.b.123 １２７.０.０.１ 127。0。0。1 127．0．0．1
        127｡0｡0｡1 ①②⑦.⓪.⓪.① ⑴.1.1.1 𝟏𝟐𝟕.𝟎.𝟎.𝟏 ¹²⁷.⁰.⁰.¹ ₁₂₇.0.0.1 🄁27.0.0.1 ０ｘ7f.1 0ⓧ7f.0.0.1
        ١٢٧.٠.٠.١ १२७.०.०.१ %31%32%37.0.0.1 127%2e0%2e0%2e1 %30x7f000001 127.0.0.1%00
        127.0.0.1%20 1%E2%82%82.0.0.1 [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1]
        [0:0:0:0:0:ffff:127.0.0.1] [fe80::1%25eth0] [fe80::1%eth0] [2606:4700:4700::1111]
        [64:ff9b::7f00:1] [fd00::1] [::127.0.0.1] [v1.x]
        [0000:0000:0000:0000:0000:0000:0000:0001] ::1 2606:4700::1111 [ ] [] [::1 ::1] ［::1］
        %5B::1%5D",
    );
}

#[test]
fn an_address_is_named_as_the_fault() {
    assert_refused(
        &UrlFault::IpAddress,
        "https://127.0.0.1/ https://0x7f.1/ https://[::1]/ https://１２７.０.０.１/ https://1.2.3.4.5/
        https://example.123/ https://a.b1/ https://127.0.0.1./",
    );
}

#[test]
fn names_that_are_not_public_are_refused() {
    assert_hosts_refused(
        "
        localhost foo.localhost a.b.localhost intranet db printer.local local.local
        metadata.google.internal x.internal api.test x.invalid x.example abcdef.onion
        router.home.arpa 1.0.0.127.in-addr.arpa x.arpa x.alt nas.lan x.localdomain
        localhost.localdomain x.corp x.home x.mail x.intranet x.private 127.0.0.1.nip.io
        7f000001.nip.io 127-0-0-1.sslip.io 10.0.0.1.xip.io localtest.me x.lvh.me vcap.me
        metadata.goog metadata.tencentyun.com api.metadata.cloud.ibm.com metadata.packet.net metadata.platformequinix.com
        fritz.box x.localh.st a.local-ip.sh x.localhost.tv x.localhst.co.uk x.rebind.it spoofed.burpcollaborator.net
        com x.c x.a1 x.1a kubernetes.default.svc.cluster.local ⓛocalhost ｌｏｃａｌｈｏｓｔ
        foo。localhost x.ｉｎｔｅｒｎａｌ ℓocalhost x.ⅼocal foo.𝐥𝐨𝐜𝐚𝐥 lOCALHOSt l\u{212f}t.test",
    );
}

#[test]
fn names_that_spell_an_address_of_a_private_network_are_refused_below_any_domain() {
    assert_hosts_refused(
        "
        127-0-0-1.example.com 127.0.0.1.example.com app-10-1-2-3.example.com app.10.1.2.3.example.com 0-0-0-0.example.com
        make-127.0.0.1-rr.example.com www.192-168-1-1.example.com 169-254-169-254.example.com 172-16-0-1.a.example.com
        172-31-255-255.example.com 192-0-0-192.example.com 100-64-0-1.example.com 198-18-0-1.example.com 255-255-255-255.example.com
        127-0-0-1.abc.plex.direct ip-10-0-0-1.compute.amazonaws.com 1u.ms x.rbndr.us x.traefik.me x.localho.st x.lcl.host
        a.ddev.site x.lndo.site x.local.gd x.fuf.me x.localhost.direct １27-0-0-1.example.com",
    );
    for host in "
        ec2-3-120-1-2.eu-central-1.compute.amazonaws.com 8-8-8-8.example.com 172-32-0-1.example.com 100-128-0-1.example.com
        v2-10-3.example.com 10-0-0.example.com a10-0-0-1.example.com 2026-11-26-10.example.com 192-0-2-1.example.com
        nip.io.example.com localtest.me.example.com"
        .split_whitespace()
    {
        assert!(parse(&format!("https://{host}/hook")).is_ok(), "{host}");
    }
}

#[test]
fn wildcards_and_exceptions_of_the_list_of_suffixes_are_read() {
    for host in "foo.kawasaki.jp blogspot.com s3-website.eu-central-1.amazonaws.com a.run.app GITHUB.IO"
        .split_whitespace()
    {
        assert_refused(&UrlFault::PublicSuffix(String::new()), &format!("https://{host}/hook"));
    }
    for host in "www.ck city.kawasaki.jp x.foo.kawasaki.jp partner.github.io x.a.run.app straße.com"
        .split_whitespace()
    {
        assert!(parse(&format!("https://{host}/hook")).is_ok(), "{host}");
    }
}

#[test]
fn public_suffixes_are_refused_and_names_below_are_accepted() {
    let suffixes = "
        co.uk com.au co.jp anything.kobe.jp anything.ck gov.uk com.br 公司.cn xn--55qx5d.cn ＣＯ.ＵＫ co。uk github.io
        workers.dev pages.dev herokuapp.com azurewebsites.net s3.amazonaws.com web.app vercel.app ngrok-free.app";
    assert_hosts_refused(suffixes);
    for suffix in suffixes.split_whitespace() {
        assert_refused(&UrlFault::PublicSuffix(String::new()), &format!("https://{suffix}/hook"));
        assert!(parse(&format!("https://partner.{suffix}/hook")).is_ok(), "{suffix}");
    }
}

#[test]
fn names_below_no_top_level_domain_are_refused() {
    assert_hosts_refused("host.zz db.prod.cluster server.intern nas.fritz x.localnet vault.consul");
}

#[test]
fn our_own_zones_are_refused() {
    let hosts = "
        smartphonekey.com www.smartphonekey.com a.b.smartphonekey.com ｓmartphonekey.com
        smartphonekey。com smartphone\u{212a}ey.com admin-api.spk-dev.workers.dev
        admin-api.spk-nonprod.workers.dev webhook-delivery.spk-stage.workers.dev
        partner-portal.spk-prod.workers.dev spk-prod.workers.dev ⓢpk-prod.workers.dev";
    assert_hosts_refused(hosts);
    for host in hosts.split_whitespace() {
        assert_refused(&UrlFault::OwnZone, &format!("https://{host}/"));
    }
}

#[test]
fn hosts_that_are_no_host_names_are_refused() {
    assert_hosts_refused(
        "
        a..example.com .example.com example..com example.com.. example.com. my_host.example.com
        _dmarc.example.com -a.example.com a-.example.com a.-.example.com exa$mple.com exa!mple.com
        exa'mple.com exa(m)ple.com a,b.com a;b.com a&b.com a=b.com a+b.com *.example.com a~b.com
        exa<mple.com exa>mple.com exa|mple.com exa^mple.com a`b.com a{b}.com \"a\".com xn--.example.com
        xn--a.example.com xn--999999999.com xn--example-.com …example.com a℀b.com example.com／x
        example.com＠localhost example.com：443 example.com＃x example.com％2f example.com？ exam%70le.com
        %65xample.com example%2ecom example.com% example.com%2f example.com%23 %",
    );
}

#[test]
fn labels_of_63_and_names_of_253_characters_are_the_longest() {
    let label = "a".repeat(63);
    let name = format!("{label}.{label}.{label}.{}.com", "a".repeat(57));
    assert_eq!(name.len(), 253);
    assert!(parse(&format!("https://{name}/")).is_ok());
    assert_refused_everywhere(&UrlFault::HostName, &format!("https://{}/", name.replace(".com", "a.com")));
    assert_refused_everywhere(&UrlFault::HostName, &format!("https://{label}a.com/"));
    assert_refused_everywhere(&UrlFault::HostName, &format!("https://{}.com/", "ü".repeat(63)));
}

#[test]
fn local_still_demands_a_well_formed_host() {
    for url in "
        http://a..b/ http://exam%70le.com/ http://my_host/ http:///x http://localhost:0/
        http://[fe80::1%25eth0]/ http://localhost:99999/ http://localhost./"
        .split_whitespace()
    {
        assert!(parse_in(Environment::Local, url).is_err(), "{url}");
    }
}
