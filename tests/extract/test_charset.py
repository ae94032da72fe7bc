"""Charsets: what the page says, unless its bytes say otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.extract.charset import codec_name, decode

KOREAN = "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 똠방각하 펲시콜라"
JAPANESE = "すべての人間は、生まれながらにして自由であり、①㈱"
RUSSIAN = "Все люди рождаются свободными и равными в своем достоинстве и правах."
GERMAN = "Alle Menschen sind frei und gleich an Würde geboren – „Größe“ für 5 €"


def page(text: str, declared: str) -> str:
    return f'<html><head><meta http-equiv="Content-Type" content="text/html; charset={declared}"></head><p>{text}'


@pytest.mark.parametrize(
    ("text", "declared", "actual"),
    [
        (KOREAN, "EUC-KR", "cp949"),
        (KOREAN, "ks_c_5601-1987", "cp949"),
        (JAPANESE, "Shift_JIS", "cp932"),
        ("すべての人間は自由である。", "ISO-2022-JP", "iso2022_jp"),
        ("すべての人間は自由である。", "EUC-JP", "euc_jp"),
        (GERMAN, "ISO-8859-1", "cp1252"),
        (RUSSIAN, "koi8-r", "koi8-r"),
        (RUSSIAN, "windows-1251", "cp1251"),
        ("Bütün insanlar özgür doğar, şart", "ISO-8859-9", "cp1254"),
        ("人人生而自由，在尊严和权利上一律平等。", "GB2312", "gb18030"),
        ("人人生而自由,在尊嚴和權利上一律平等。", "Big5", "big5hkscs"),
        (GERMAN, "utf-8", "utf-8"),
    ],
)
def test_declared_charsets_are_read_as_browsers_read_them(text: str, declared: str, actual: str) -> None:
    whole = page(text, declared)
    decoded = decode(whole.encode(actual), html=True)
    assert (decoded.text, decoded.undecodable) == (whole, 0.0)


@pytest.mark.parametrize(("text", "actual"), [(GERMAN, "utf-8"), (KOREAN, "utf-8"), (RUSSIAN, "utf-8")])
def test_utf8_under_a_wrong_label_is_still_utf8(text: str, actual: str) -> None:
    whole = page(text, "iso-8859-1")
    assert decode(whole.encode(actual), html=True).text == whole
    assert decode(text.encode(actual), "windows-1251").text == text


@pytest.mark.parametrize("stated", [None, "windows-1251", "iso-8859-1", "gbk", "big5", "utf-8", "shift_jis"])
@pytest.mark.parametrize("text", [GERMAN + "€", KOREAN, RUSSIAN[:-1], "人人生而自由，在尊严和权利上平等", "😀 😀"])
def test_utf8_that_ends_inside_a_character_is_still_utf8(text: str, stated: str | None) -> None:
    for missing in range(1, len(text[-1].encode())):
        decoded = decode(text.encode()[:-missing], stated)
        assert (decoded.text, decoded.charset, decoded.undecodable) == (text[:-1], "utf-8", 0.0)


def test_a_last_letter_above_ascii_is_not_taken_for_cut_utf8() -> None:
    for text in ("Kaffee im Café", "ø"):
        assert decode(text.encode("cp1252"), "iso-8859-1").text == text


def test_the_server_is_believed_before_the_page_and_the_bytes_before_both() -> None:
    whole = page(RUSSIAN, "windows-1251").encode("koi8-r")
    assert RUSSIAN in decode(whole, "koi8-r", html=True).text
    assert RUSSIAN in decode(page(RUSSIAN, "utf-8").encode("cp1251"), None, html=True).text


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_wins(charset: str) -> None:
    assert decode(KOREAN.encode(charset), "iso-8859-1").text == KOREAN


def test_undecodable_bytes_are_measured() -> None:
    decoded = decode("Größe ".encode() * 9 + b"\x81\x8d\x8f\x90\x9d" * 4, "utf-8")
    assert decoded.undecodable > 0.05


@given(
    data=st.binary(max_size=400), stated=st.sampled_from([None, "utf-8", "euc-kr", "iso-2022-kr", "bogus", "utf-16"])
)
def test_any_bytes_decode_to_something_that_can_be_written(data: bytes, stated: str | None) -> None:
    decoded = decode(data, stated, html=True)
    assert 0.0 <= decoded.undecodable <= 1.0
    decoded.text.encode("utf-8", "strict")


@pytest.mark.parametrize(
    ("label", "codec"), [(" Latin1 ", "cp1252"), ("x-sjis", "cp932"), ("no-such-charset", None), ("us-ascii", "cp1252")]
)
def test_labels_follow_the_encoding_standard(label: str, codec: str | None) -> None:
    assert codec_name(label) == codec


@pytest.mark.parametrize("declared", ["iso-2022-jp", "hz-gb-2312", "iso-2022-kr"])
def test_utf8_without_escape_sequences_is_utf8_whatever_the_page_says(declared: str) -> None:
    page = f'<meta charset="{declared}"><p>café, naïve</p>'
    assert decode(page.encode(), "iso-8859-1", html=True).text == page
