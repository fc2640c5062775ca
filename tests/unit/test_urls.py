"""Which URLs may be opened, and what a log may show of them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.errors import UnsafeUrl
from cloud_sync_common.rules.urls import MASK, check_url, is_loopback, redact

HOSTS = ("gopro.com", "*.example-cdn.net")
CANARY = "c4n4ry"
TOKEN = "eyJhbGciOiJSU0EtT0FFUCJ9.c4n4ryAAAA..c4n4ryBBBB.c4n4ryCCCC"


@pytest.mark.parametrize(
    "url",
    [
        "https://media-cdn-vod.gopro.com/u/1/source/default/1.mp4?Expires=1&Signature=x",
        "https://gopro.com/x",
        "https://MEDIA.GoPro.COM:443/x",
        "https://a.gopro.com./x",
        "https://deep.down.example-cdn.net/x",
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


@pytest.mark.parametrize("url", ["http://localhost.evil.net/x", "http://192.168.0.1/x", "http://media.gopro.com/x"])
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


@given(
    st.lists(st.sampled_from(["Cookie: ", "https://h/p?", "Signature=", TOKEN, "'", '"', "\\", "\n", " ", "a=b;", "@"]))
)
def test_a_token_is_masked_whatever_stands_around_it(parts: list[str]) -> None:
    assert CANARY not in redact("".join(parts))
