"""The canary check finds a planted secret wherever it hides, and tells nobody what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.run.leaks import cookie_secrets, find_leaks

COOKIES = (
    'gp_access_token=CANARY-cookie-0123456789; gp_user_id=11111111-2222-3333-4444-555555555555; lang="en"; x=a=b=c=d=e'
)
TOKEN = "CANARY-row-token-0123456789"


def _leaks(folder: Path) -> list[str]:
    return [str(leak) for leak in find_leaks(folder, cookies=cookie_secrets(COOKIES), tokens=[TOKEN])]


def test_a_clean_folder_has_no_leaks(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"note": "Signature=***", "user": "11111111-2222-3333-4444-555555555555"}')
    assert _leaks(tmp_path) == []


@pytest.mark.verifies("pipeline.no-secrets")
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("before CANARY-cookie-0123456789 after", "cookie"),
        (COOKIES, "cookie"),
        (json.dumps({"cookies": COOKIES}), "cookie"),
        (f'{{"token": "{TOKEN}"}}', "listing token"),
        ("GET https://cdn/x?Expires=1&Signature=abcDEF123~_-&Key", "URL signature"),
        ("url%3FSignature%3Dabcdefghijk", "URL signature"),
        ("X-Amz-Signature=0123456789abcdef", "URL signature"),
    ],
)
def test_every_form_of_a_secret_is_found_and_not_repeated(tmp_path: Path, text: str, kind: str) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "media_lister.log").write_text(text)
    (leak,) = [leak for leak in _leaks(tmp_path) if kind in leak]
    assert leak == f"a secret ({kind}) leaked into logs/media_lister.log"


@pytest.mark.parametrize("secret", ["CANARY-cookie-0123456789", "Signature=abcdefghijklmn"])
@pytest.mark.parametrize("before", [1, 5, 12, 20])
def test_a_secret_across_two_chunks_is_found(tmp_path: Path, secret: str, before: int) -> None:
    (tmp_path / "big.log").write_text("-" * (1024 * 1024 - before) + secret + "-" * 100)
    assert len(_leaks(tmp_path)) == 1


def test_objects_and_the_working_folder_are_not_searched(tmp_path: Path) -> None:
    for name in ("bucket", ".work"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(TOKEN)
    assert _leaks(tmp_path) == []


def test_short_cookie_values_and_the_account_id_are_no_secrets() -> None:
    assert cookie_secrets(COOKIES) == {COOKIES, "CANARY-cookie-0123456789", "a=b=c=d=e"}
