"""Which URLs may be opened, and what a log may show of them."""

from __future__ import annotations

import contextlib
import ipaddress
import time

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st
from urllib3.util import parse_url

from cloud_sync_common.errors import UnsafeUrl
from cloud_sync_common.rules.urls import (
    MASK,
    check_url,
    is_loopback,
    is_public_address,
    leads_to_login,
    redact,
    redirect_target,
)

HOSTS = ("gopro.com", "*.example-cdn.net")
CANARY = "c4n4ry"


def _after_https(pieces: list[str]) -> str:
    return "https://" + "".join(pieces)


TOKEN = "eyJhbGciOiJSU0EtT0FFUCJ9.c4n4ryAAAA..c4n4ryBBBB.c4n4ryCCCC"


@pytest.mark.parametrize(
    "url",
    [
        "https://media-cdn-vod.gopro.com/u/1/source/default/1.mp4?Expires=1&Signature=x",
        "https://gopro.com/x",
        "https://MEDIA.GoPro.COM:443/x",
        "https://a.gopro.com./x",
        "https://deep.down.example-cdn.net/x",
        "HTTPS://media.gopro.com:/x",
        "https://xn--mdia-6ra.gopro.com/x",
        "https://media.gopro.com?x",
        "https://media.gopro.com/a@b:c//d%0a",
    ],
)
def test_https_at_an_allowed_host_passes_unchanged(url: str) -> None:
    assert check_url(url, HOSTS, allow_loopback_http=False) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://media.gopro.com/x",
        "ftp://media.gopro.com/x",
        "file:///etc/passwd",
        "https://notgopro.com/x",
        "https://gopro.com.evil.net/x",
        "https://evil.net/gopro.com",
        "https://evil.net#.gopro.com",
        "https://evil.net\\.gopro.com/x",
        "https://gopro.com@evil.net/x",
        "https://user:pass@media.gopro.com/x",
        "https://media.gopro.com:8443/x",
        "https://media.gopro.com:99999/x",
        "https://[::1/x",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/x",
        "https://127.0.0.1/x",
        "http://localhost/x",
        "https://mèdia.gopro.com/x",
        "https://media.gopro.com/a b",
        "https://media.gopro.com/a\nb",
        "https://@media.gopro.com/x",
        "https://evil.net%2f.gopro.com/x",
        "https://127.0.0.1%23.gopro.com/x",
        "https://%67opro.com/x",
        "https://evil.net%00.gopro.com/x",
        "https://evil.net%5c.gopro.com/x",
        "https://evil.net;.gopro.com/x",
        "https://evil.net&.gopro.com/x",
        "https://evil_net.gopro.com/x",
        "https://media..gopro.com/x",
        "https://.gopro.com/x",
        "https://media.gopro.com../x",
        "https://-media.gopro.com/x",
        f"https://{'a' * 64}.gopro.com/x",
        f"https://{'a.' * 130}gopro.com/x",
        "https://media.gopro.com:443:443/x",
        "https://media.gopro.com:-443/x",
        "https://media.gopro.com:80/x",
        "https://[media.gopro.com]/x",
        "https://[::ffff:8.8.8.8]/x",
        "https://gopro.com\u3002evil.net/x",
        "https:media.gopro.com/x",
        "https:/media.gopro.com/x",
        "https://media.gopro.com\t/x",
        " https://media.gopro.com/x",
        "wss://media.gopro.com/x",
        "https:///x",
        "//media.gopro.com/x",
        "",
        None,
        7,
    ],
)
def test_any_other_url_is_refused(url: object) -> None:
    with pytest.raises(UnsafeUrl):
        check_url(url, HOSTS, allow_loopback_http=False)


@pytest.mark.parametrize("host", ["10.0.0.1", "8.8.8.8", "10.1", "127.1", "1.0x7f", "0x7f.0.0.0x1", "0177.0.0.01"])
def test_an_address_is_no_host_even_if_somebody_lists_it(host: str) -> None:
    with pytest.raises(UnsafeUrl):
        check_url(f"https://{host}/x", (host, "0.1", "1"), allow_loopback_http=False)


_PIECES = st.sampled_from(
    [
        *(
            "https://",
            "http://",
            "HTTPS:",
            "//",
            "/",
            "\\",
            "?",
            "#",
            "@",
            ":",
            ":443",
            ":80",
            ".",
            "..",
            "%2e",
            "%2f",
            "%00",
        ),
        *(
            "gopro.com",
            "GoPro.com",
            ".gopro.com",
            "media.gopro.com",
            "evil.net",
            "127.0.0.1",
            "[::1]",
            "[",
            "]",
            "localhost",
        ),
        *(
            ";",
            "&",
            "_",
            "-",
            "xn--",
            "\u3002",
            "\uff0e",
            "\u2488",
            "\xad",
            " ",
            "\t",
            "\n",
            "\x00",
            "0x7f.1",
            "user:pass",
        ),
    ]
)


@given(
    st.one_of(st.text(), st.lists(_PIECES, max_size=8).map("".join), st.lists(_PIECES, max_size=6).map(_after_https))
)
@example("https://evil.net\\@gopro.com")
@example("https://gopro.com:443@evil.net")
@example("https://evil.net?.gopro.com")
@example("https://media.gopro.com")
def test_what_passes_leads_to_the_list_by_the_parsers_that_connect_as_well(url: str) -> None:
    try:
        checked = check_url(url, ("gopro.com",), allow_loopback_http=False)
    except UnsafeUrl:
        return
    seen = [parse_url(checked), parse_url(str(requests.Request("GET", checked).prepare().url))]
    for parts in seen:
        host = (parts.host or "").removesuffix(".")
        assert host == "gopro.com" or host.endswith(".gopro.com")
        assert (parts.scheme, parts.auth, parts.port or 443) == ("https", None, 443)


# Addresses

INSIDE = [
    *("0.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "169.254.169.254", "172.16.0.0"),  # noqa: S104
    *("172.31.255.255", "192.0.0.9", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::8.8.8.8", "::ffff:8.8.8.8", "::ffff:10.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1"),
    *("2001::1", "2001:db8::1", "2001:20::1", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254"),
    *("fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "", "gopro.com", "8.8.8", "08.8.8.8", "1"),
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_of_the_inside_is_not_public(address: str) -> None:
    assert not is_public_address(address)


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "1.0.0.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
        *("128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255"),
        *("198.17.255.255", "198.20.0.0", "223.255.255.255", "2600:9000::1", "2a00::1", "2001:4860:4860::8888"),
    ],
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public_address(address)


@given(st.ip_addresses())
def test_what_pythons_own_tables_call_special_is_never_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    special = (
        *(address.is_private, address.is_loopback, address.is_link_local, address.is_multicast),
        *(address.is_reserved, address.is_unspecified, not address.is_global),
    )
    assert not (any(special) and is_public_address(str(address)))


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:0:0", "64:ff9b::", "::"]))
def test_no_ipv4_address_hides_in_an_ipv6_one(inner: ipaddress.IPv4Address, prefix: str) -> None:
    assert not is_public_address(str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) + int(inner))))
    assert not is_public_address(str(ipaddress.IPv6Address((0x2002 << 112) + (int(inner) << 80) + 1)))


# Redirects


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://b.net/y?z", "https://b.net/y?z"),
        ("//b.net/y", "https://b.net/y"),
        ("/y?z=1", "https://a.net/y?z=1"),
        ("y", "https://a.net/p/y"),
    ],
)
def test_a_redirect_leads_from_where_it_was_met(location: str, target: str) -> None:
    assert redirect_target("https://a.net/p/x?Signature=s", location) == target


@pytest.mark.parametrize(
    "location", ["https://[::1", "https://a.net/login", "/Sign-In?x", "//login.gopro.com", "/oauth/2"]
)
def test_a_redirect_to_a_login_or_to_nonsense_is_refused(location: str) -> None:
    with pytest.raises(UnsafeUrl, match="not followed"):
        redirect_target("https://a.net/x", location)


def test_a_login_is_known_by_host_and_path_not_by_what_is_asked() -> None:
    assert leads_to_login("https://login.gopro.com/")
    assert not leads_to_login("https://media.gopro.com/1.mp4?next=/login")


def test_a_refusal_shows_the_host_and_nothing_else() -> None:
    with pytest.raises(UnsafeUrl) as refusal:
        check_url(f"https://evil.net/{CANARY}?Signature={CANARY}", HOSTS, allow_loopback_http=False)
    assert "evil.net" in str(refusal.value)
    assert CANARY not in str(refusal.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8123/x", "http://localhost:1/x", "https://[::1]:9/x"])
def test_this_machine_is_allowed_only_when_the_sandbox_says_so(url: str) -> None:
    assert check_url(url, HOSTS, allow_loopback_http=True) == url
    with pytest.raises(UnsafeUrl):
        check_url(url, HOSTS, allow_loopback_http=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost.evil.net/x",
        "http://192.168.0.1/x",
        "http://media.gopro.com/x",
        "http://user@127.0.0.1/x",
        "ftp://127.0.0.1/x",
        "http://127.0.0.1@evil.net/x",
    ],
)
def test_the_sandbox_opens_no_other_plain_http(url: str) -> None:
    with pytest.raises(UnsafeUrl):
        check_url(url, HOSTS, allow_loopback_http=True)


@given(st.text())
def test_any_text_is_either_refused_or_passed_but_never_breaks(url: str) -> None:
    with contextlib.suppress(UnsafeUrl):
        assert check_url(url, HOSTS, allow_loopback_http=True) == url


def test_loopback_is_recognised_by_address_not_by_prefix() -> None:
    assert is_loopback("http://127.8.9.1:80/")
    assert not is_loopback("http://127.0.0.1.evil.net/")
    assert not is_loopback("http://[")


@pytest.mark.parametrize(
    "text",
    [
        f"Max retries exceeded with url: /p/1.mp4?Expires=1&Signature={CANARY}&Key-Pair-Id={CANARY}",
        f"GET https://cdn.gopro.com/p/1.mp4?X-Amz-Signature={CANARY}&x=1 failed",
        f"https://user:{CANARY}@gopro.com/",
        f"Cookie: gp_access_token={CANARY}; gp_user_id={CANARY}",
        f"set-cookie: session={CANARY}; Path=/",
        f"headers={{'Cookie': 'a={CANARY}; b={CANARY}', 'Accept': 'x'}}",
        f'{{"cookies": "a={CANARY}; b=\\"{CANARY}\\"", "user-agent": "x"}}',
        f'{{\\"cookies\\": \\"a={CANARY}\\"}}',
        f"Authorization: Bearer {CANARY}",
        f"gp_access_token={CANARY}",
        f"gp_access_token%3D{CANARY}",
        f'"access_token": "{CANARY}"',
        f"X-Amz-Security-Token={CANARY}",
        f"X-Amz-Credential={CANARY}/20260101/us-west-2",
        f"token {TOKEN} was refused",
    ],
)
def test_secrets_are_masked(text: str) -> None:
    assert CANARY not in redact(text)
    assert MASK in redact(text)


@pytest.mark.parametrize(
    "text", ["", "3 of 5 media copied", "GET /media/abc/download: GoPro answered 503", "GX010042.MP4"]
)
def test_text_without_secrets_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_what_stands_around_a_secret_stays_readable() -> None:
    cleaned = redact(f"GET https://cdn.gopro.com/p?Signature={CANARY} failed with 403\nnext line")
    assert cleaned == f"GET https://cdn.gopro.com/p?{MASK} failed with 403\nnext line"


@pytest.mark.parametrize("repeated", ["http://", "https://a", "https://a/?", "cookie", "signature\\", "eyJ"])
def test_a_text_made_to_be_slow_takes_no_time(repeated: str) -> None:
    begun = time.process_time()
    redact(repeated * 30_000)
    assert time.process_time() - begun < 2


def test_a_query_is_masked_in_a_url_inside_a_url_too() -> None:
    assert redact(f"https://a.net/https://b.net/p?s={CANARY}") == f"https://a.net/https://b.net/p?{MASK}"


@given(
    st.lists(st.sampled_from(["Cookie: ", "https://h/p?", "Signature=", TOKEN, "'", '"', "\\", "\n", " ", "a=b;", "@"]))
)
def test_a_token_is_masked_whatever_stands_around_it(parts: list[str]) -> None:
    assert CANARY not in redact("".join(parts))
