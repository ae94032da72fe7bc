"""Redaction: personal data is found, what only looks like it stays, and every byte is accounted for."""

import ipaddress
import itertools
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bessemer.config.curate import PiiParams
from bessemer.filters.pii.cards import is_card_number
from bessemer.filters.pii.finding import find_pii
from bessemer.filters.pii.kinds import Pii
from bessemer.filters.pii.redaction import count_pii, redact

PARAMS = PiiParams()
PRIVATE_KEY = f"-----BEGIN PRIVATE KEY-----\n{'MC4CAQAwBQYDK2Vw' * 4}\n-----END PRIVATE KEY-----"


def redacted(text: str, params: PiiParams = PARAMS) -> str:
    return str(redact(pa.chunked_array([pa.array([text], pa.large_string())]), params).text[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to jane.doe+news@mail.somewhere.co.uk.", "write to <email>."),
        ("<ylo@ngs.fi>", "<<email>>"),
        ("邮箱abc@firma.de。", "邮箱<email>。"),
        ("mailto:a@b.io?subject=x", "mailto:<email>?subject=x"),
        ("from 193.102.180.41:8080", "from <ip>:8080"),
        ("Deny from 193.102.180.41.", "Deny from <ip>."),
        ("[2606:4700:4700::1111]:443", "[<ip>]:443"),
        ("card 5500-0055-5555-5559, thanks", "card <card>, thanks"),
        ("378282246310005", "<card>"),
        ("4242 4242 4242 4242", "<card>"),
        ("call +44 20 7946 0958 now", "call <phone> now"),
        ("+4930901820", "<phone>"),
        ("(412) 268-4387, fax: (412) 268-7395", "<phone>, fax: <phone>"),
        ("202-223-2748 or 202 331 8947", "<phone> or <phone>"),
        ("a@b.io +49 30 901820 193.102.180.41", "<email> <phone> <ip>"),
    ],
)
def test_personal_data_is_masked(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "SQLite 3.8.10.2 and PostgreSQL 7.2.1.4",
        "127.0.0.1, 10.0.0.1, 192.168.2.1, 172.16.0.9, 0.0.0.0, 255.255.255.255, 224.0.0.1, 169.254.1.1",
        "192.0.2.16, 198.51.100.7 and 203.0.113.9 are for documentation, and so is 2001:db8::1",
        "OID 1.3.6.1.4.1.311.21.20 and 193.102.180.41.5",
        "121.345.78.123 is no address",
        "std::vector<int> a::b, x ::= y, 12:34:56, fe80::1, ::1, '2001::int', 2000::",
        "me@example.com, root@localhost, you@sub.example.org, a@b.test",
        "@decorator, 5@home, user@host, @media (min-width: 30em)",
        "ISBN 978-3-16-148410-0, 0-671-21036-5 and 9780552153720",
        "1999-12-31 23:59, 2002-2003, 1881-1906, 12/31/1999, 2014.05.01",
        "2147483648, 18446744073709551615, 6.02214076e23, 0.4242424242424242",
        "48 C.F.R. 252.227-7014 and DFAR 252.227-7015",
        "4242 4242 4242 4243 fails Luhn; 4111111111111111 is a placeholder; 1234567890123456 has no scheme",
        "population 1,234,567,890; 257 022 000; $ 415 555 2671.50",
        "Boston, MA 02110-1301; FPO AE 09834-5100",
    ],
)
def test_what_only_looks_like_personal_data_stays(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize("kind", list(Pii))
def test_each_kind_can_be_switched_off(kind: Pii) -> None:
    text = f"jane@firma.de, 193.102.180.41, 5500-0055-5555-5559, +44 20 7946 0958\n{PRIVATE_KEY}"
    off = PARAMS.model_copy(update={kind.value: "keep"})
    assert kind.mask in redacted(text)
    assert kind.mask not in redacted(text, off)
    nothing = PARAMS.model_copy(update={other.value: "keep" for other in Pii})
    assert redacted(text, nothing) == text


def test_national_numbers_are_those_of_the_named_countries() -> None:
    german = "Tel. (030) 901820"
    assert redacted(german) == german
    assert redacted(german, PARAMS.model_copy(update={"phone_regions": ["DE"]})) == "Tel. <phone>"
    assert redacted("(412) 268-4387", PARAMS.model_copy(update={"phone_regions": []})) == "(412) 268-4387"


def _luhn_digit(digits: str) -> str:
    """The check digit by trying all ten against the definition in ISO/IEC 7812 annex B, right to left."""
    for last in "0123456789":
        total = 0
        for place, digit in enumerate(reversed(digits + last)):
            number = int(digit) * (2 if place % 2 else 1)
            total += number - 9 if number > 9 else number
        if total % 10 == 0:
            return last
    raise AssertionError


@given(st.sampled_from(["4", "51", "2221", "2720"]), st.text("0123456789", min_size=15, max_size=15))
def test_one_check_digit_of_ten_makes_a_card(prefix: str, rest: str) -> None:
    body = (prefix + rest)[:15]
    right = _luhn_digit(body)
    for digit in "0123456789":
        expected = digit == right and len(set(body[1:] + digit)) > 1
        assert is_card_number(body + digit) == expected


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_masked_iff_it_is_public_and_no_version(address: ipaddress.IPv4Address) -> None:
    text = f"host {address} down"
    public = address.is_global and not address.is_multicast and max(address.packed) > 63 and address.packed[3] > 0
    assert redacted(text) == ("host <ip> down" if public else text)


@given(st.ip_addresses(v=6, network="2000::/3"))
def test_a_global_ipv6_address_is_masked(address: ipaddress.IPv6Address) -> None:
    groups = sum(bool(part) for part in str(address).split(":"))
    expected = "host <ip> down" if address.is_global and groups >= 3 else f"host {address} down"
    assert redacted(f"host {address} down") == expected


PIECES = st.sampled_from(
    [
        "jane@firma.de",
        "193.102.180.41",
        "3.8.10.2",
        "5500-0055-5555-5559",
        "+44 20 7946 0958",
        "(412) 268-4387",
        "12:34",
        "né",
        "漢字",
        "x",
        "2001:4860:4860::8888",
        PRIVATE_KEY,
    ]
)


@given(st.lists(st.lists(PIECES, max_size=6), max_size=5), st.sampled_from([" ", "\n", ", ", ""]))
def test_every_byte_is_accounted_for_and_redaction_is_idempotent(parts: list[list[str]], separator: str) -> None:
    texts = [separator.join(pieces) for pieces in parts]
    result = redact(pa.chunked_array([pa.array(texts, pa.large_string())]), PARAMS)
    out = result.text.to_pylist()
    for row, (before, after) in enumerate(zip(texts, out, strict=True)):
        removed, added = int(result.removed[row].sum()), int(result.added[row].sum())
        assert len(before.encode()) - removed + added == len(after.encode())
        spans = find_pii(before, PARAMS.phone_regions)
        assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
        assert [sum(span.kind == kind for span in spans) for kind in Pii] == result.found[row].tolist()
    column = pa.chunked_array([pa.array(texts, pa.large_string())])
    assert count_pii(column, PARAMS.phone_regions).tolist() == result.found.tolist()
    again = redact(result.text, PARAMS)
    assert again.text.to_pylist() == out
    assert not again.found.any()


@given(st.text(max_size=200))
def test_no_text_breaks_it_and_chunks_do_not_matter(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    values = [text, f"a@b.io {text}", ""]
    whole = redact(pa.chunked_array([pa.array(values, pa.large_string())]), PARAMS).text.to_pylist()
    chunks = pa.chunked_array([pa.array([value], pa.large_string()) for value in values])
    assert redact(chunks, PARAMS).text.to_pylist() == whole


def test_a_kept_kind_still_claims_its_text_and_only_named_rows_are_looked_at() -> None:
    kept = PARAMS.model_copy(update={"ip": "keep"})
    assert redacted("193.102.180.41 jane@firma.de", kept) == "193.102.180.41 <email>"
    texts = pa.chunked_array([pa.array(["jane@firma.de", "joe@firma.de"], pa.large_string())])
    assert redact(texts, PARAMS, np.array([False, True])).text.to_pylist() == ["jane@firma.de", "<email>"]


@pytest.mark.parametrize("old", [True, False, "remove"])
def test_an_action_is_one_of_three(old: object) -> None:
    with pytest.raises(ValidationError, match="'mask', 'drop' or 'keep'"):
        PiiParams.model_validate({"email": old})


def test_a_key_without_end_or_of_any_length_costs_no_more_than_its_text() -> None:
    text = "-----BEGIN RSA PRIVATE KEY-----\n" * 20_000
    started = time.process_time()
    assert redacted(text) == text
    assert time.process_time() - started < 5
