"""Sentences with personal data and sentences with what only looks like it, written for the tests.

Telephone numbers are of ranges that regulators reserve for fiction wherever libphonenumber counts these as valid
(555-01xx in the United States, Ofcom, Bundesnetzagentur, Arcep, ACMA), and made up from runs of figures elsewhere.
What is to be found stands between ⟦ and ⟧.
"""

PHONES: dict[str, list[str]] = {
    "US": [
        "Call ⟦(212) 555-0123⟧ before noon.",
        "Fax: ⟦415-555-0132⟧; ask for the desk.",
        "Dial ⟦+1 212 555 0147⟧ from abroad.",
        "tel:⟦+1-415-555-0199⟧",
        "Reach us at ⟦+1 (206) 555-0100⟧, day or night",
        "toll free ⟦1-800-555-0199⟧.",
        "Mobile ⟦212.555.0123⟧ (text only)",
        "⟦(312) 555-0144⟧ or ⟦(312) 555-0145⟧",
    ],
    "GB": [
        "Ring ⟦020 7946 0958⟧ after six.",
        "The box office is on ⟦(020) 7946 0018⟧.",
        "Manchester: ⟦0161 496 0456⟧",
        "From overseas ⟦+44 20 7946 0321⟧.",
        "Tel. ⟦+44 (0)20 7946 0123⟧, Fax ⟦+44 (0)20 7946 0124⟧",
        "Edinburgh ⟦0131 496 0789⟧, Leeds ⟦0113 496 0012⟧",
        "Call ⟦+442079460958⟧ now",
        "Mobile ⟦07400 123456⟧, please text",
    ],
    "DE": [
        "Tel. ⟦030 23125 014⟧, werktags.",
        "Telefon: ⟦(030) 23125-123⟧",
        "Fon ⟦030/23125 456⟧",
        "Mobil ⟦0152 28817386⟧",
        "Aus dem Ausland ⟦+49 30 23125 789⟧.",
        "Zentrale ⟦+49 (0)30 23125-123⟧ oder ⟦+49 152 28895456⟧",
        "Köln: ⟦0221 4710 123⟧",
        "Frankfurt ⟦069 90009123⟧, Hamburg ⟦040 66969 045⟧",
    ],
    "FR": [
        "Tél. ⟦01 99 00 12 34⟧ le matin",
        "Téléphone : ⟦01.99.00.56.78⟧",
        "Depuis l'étranger ⟦+33 1 99 00 12 34⟧.",
        "⟦02-61-91-12-34⟧ (répondeur)",
        "Fax ⟦+33 (0)1 99 00 43 21⟧",
        "à Lille, ⟦03 53 01 23 45⟧ ; à Nice, ⟦04 65 71 23 45⟧",
        "Portable ⟦06 12 34 56 78⟧",
    ],
    "ES": [
        "Teléfono ⟦91 123 45 67⟧, de 9 a 14 h",
        "Llame al ⟦912 34 56 78⟧.",
        "Móvil: ⟦612 34 56 78⟧",
        "Desde fuera ⟦+34 912 34 56 78⟧",
        "WhatsApp ⟦+34 612 345 678⟧",
        "Barcelona ⟦93 456 78 90⟧; Madrid ⟦612 345 678⟧",
    ],
    "IT": [
        "Tel. ⟦06 1234 5678⟧",
        "Milano: ⟦02 1234567⟧",
        "Cellulare ⟦347 123 4567⟧",
        "Dall'estero ⟦+39 06 1234 5678⟧",
        "WhatsApp ⟦+39 347 123 4567⟧.",
        "Fax ⟦06-12345678⟧",
    ],
    "NL": [
        "Bel ⟦020 123 4567⟧ voor een afspraak",
        "Mobiel: ⟦06 12345678⟧",
        "of ⟦06-12345678⟧.",
        "Telefoon ⟦020-1234567⟧",
        "Buitenland ⟦+31 20 123 4567⟧",
        "⟦+31 (0)20 123 4567⟧ en ⟦+31 6 12345678⟧",
    ],
    "IN": [
        "Phone ⟦011-23456789⟧",
        "Mob. ⟦098765 43210⟧",
        "WhatsApp ⟦98765 43210⟧ only",
        "Mumbai ⟦022 2345 6789⟧",
        "From abroad ⟦+91 98765 43210⟧",
        "Office ⟦+91-11-23456789⟧ / ⟦+91 22 2345 6789⟧",
    ],
    "JP": [
        "電話：⟦03-1234-5678⟧（平日）",
        "携帯 ⟦090-1234-5678⟧",
        "大阪 ⟦06-6123-4567⟧",
        "海外から ⟦+81 3-1234-5678⟧",
        "⟦+81 90-1234-5678⟧ まで",
        "横浜 ⟦045-123-4567⟧、東京 ⟦(03) 1234-5678⟧",
    ],
    "BR": [
        "Celular ⟦(11) 91234-5678⟧",
        "Telefone: ⟦(21) 2345-6789⟧.",
        "zap ⟦11 91234-5678⟧",
        "Do exterior ⟦+55 11 91234-5678⟧",
        "⟦+55 (21) 2345-6789⟧ ou ⟦(61) 3312-3456⟧",
    ],
    "AU": [
        "Phone ⟦(02) 5550 1234⟧",
        "Mobile ⟦0491 570 006⟧",
        "Melbourne ⟦(03) 7010 1234⟧",
        "Overseas ⟦+61 2 5550 1234⟧",
        "⟦+61 491 570 156⟧ or ⟦02 7010 1234⟧",
        "Office ⟦+61 (0)2 5550 4321⟧",
    ],
    "CN": [
        "电话：⟦010-1234 5678⟧",
        "座机 ⟦010-12345678⟧，手机 ⟦138 0013 8000⟧",
        "手机 ⟦138-0013-8000⟧",
        "上海 ⟦021-5555 1234⟧",
        "国际 ⟦+86 10 1234 5678⟧",
        "⟦+86 138 0013 8000⟧ 或微信",
    ],
}
"""By country: in national notation, in international notation, with several numbers in a sentence."""

IN_ONE_PIECE: dict[str, str] = {
    "US": "Phone: ⟦2125550123⟧, or 2125550124 at night",
    "GB": "Tel ⟦02079460958⟧, or 02079460959 at night",
    "DE": "Tel.: ⟦03023125014⟧, nachts 03023125015",
    "FR": "Tél : ⟦0199001234⟧, la nuit 0199001235",
    "ES": "Teléfono: ⟦912345678⟧, de noche 912345679",
    "IT": "Cellulare ⟦3471234567⟧, di notte 3471234568",
    "NL": "Bel ⟦0201234567⟧, 's nachts 0201234568",
    "IN": "Mob. ⟦9876543210⟧, at night 9876543211",
    "JP": "電話 ⟦0312345678⟧、夜間 0312345679",
    "BR": "Celular ⟦11912345678⟧, de noite 11912345679",
    "AU": "Call ⟦0255501234⟧, or 0255501235 at night",
    "CN": "电话：⟦13800138000⟧，夜间 13800138001",
}
"""National numbers without a separator: found behind a word that announces them; the second one never is."""

OTHERS: dict[str, list[str]] = {
    "email": [
        "write to ⟦jane.doe+news@mail.somewhere.co.uk⟧.",
        "<⟦ylo@ngs.fi⟧>",
        "邮箱⟦abc@firma.de⟧。",
        "mailto:⟦a@b.io⟧?subject=x",
        "Jane <⟦Jane_Doe@Sub.Firma.DE⟧>, Joe <⟦joe@firma.museum⟧>",
        "login ⟦x1@163.com⟧ or ⟦neil@firma.ie⟧",
        "⟦first-last@xn--bcher-kva.ch⟧ wrote:",
        '{"mail": "⟦info@firma.com.br⟧"}',
    ],
    "ip": [
        "from ⟦193.102.180.41⟧:8080",
        "Deny from ⟦193.102.180.41⟧.",
        "[⟦2606:4700:4700::1111⟧]:443",
        "http://⟦130.89.148.12⟧/debian/",
        '⟦91.198.174.192⟧ - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0"',
        "ping6 ⟦2a00:1450:4001:82a::200e⟧",
        "⟦2001:4860:4860:0:0:0:0:8888⟧ is up",
        "hosts ⟦46.114.3.9⟧, ⟦203.5.77.1⟧",
    ],
    "card": [
        "Visa ⟦4242 4242 4242 4242⟧ 12/27",
        "Visa ⟦4012888888881881⟧",
        "card ⟦5500-0055-5555-5559⟧, thanks",
        "Mastercard (2-series) ⟦2223 0031 2200 3222⟧",
        "Amex ⟦3782 822463 10005⟧",
        "Amex ⟦371449635398431⟧, 4242 4242 4242 4241 mistyped",
        "Visa ⟦4000 0000 0000 3220⟧ 123 is short, UnionPay ⟦6205 5000 0000 0000 004⟧ is long",
        "Diners ⟦3056 930902 5904⟧",
        "Discover ⟦6011 1111 1111 1117⟧",
        "JCB ⟦3530-1113-3330-0000⟧",
        "UnionPay ⟦6200 0000 0000 0005⟧",
        "UnionPay ⟦6205500000000000004⟧",
        "Mir ⟦2200 7007 0000 0002⟧",
    ],
}
"""By kind. Card numbers are those that payment services give out for trials, and one with a computed check digit."""

BASE64 = "MIIEpAIBAAKCAQEA7bq0Z1Wn3mJxvSd8mQz5k2rT9yHc4uLpEo6fGaXiNwKsVtBj"
"""64 characters of no key."""


def _block(label: str, *, dashes: str = "-----", space: str = "", lines: int = 12, newline: str = "\n") -> str:
    body = newline.join([BASE64] * lines)
    return (
        f"{dashes}{space}BEGIN {label}{space}{dashes}{newline}{body}{newline}{dashes}{space}END {label}{space}{dashes}"
    )


KEYS = [
    f"key:\n⟦{_block('PRIVATE KEY', lines=1)}⟧\nend",
    f"⟦{_block('RSA PRIVATE KEY')}⟧",
    f"⟦{_block('EC PRIVATE KEY', lines=3)}⟧",
    f"⟦{_block('OPENSSH PRIVATE KEY', lines=6)}⟧\n",
    f"⟦{_block('ENCRYPTED PRIVATE KEY')}⟧",
    f"My key: ⟦{_block('PGP PRIVATE KEY BLOCK', lines=40)}⟧ Do not share.",
    f"⟦{_block('SSH2 ENCRYPTED PRIVATE KEY', dashes='----', space=' ')}⟧",
    '{"private_key": "⟦' + _block("PRIVATE KEY", newline="\\n") + '⟧\\n"}',
    "  id_rsa: |\n    ⟦" + _block("RSA PRIVATE KEY", newline="\n    ") + "⟧\n",
    "> ⟦" + _block("DSA PRIVATE KEY", newline="\r\n> ") + "⟧\r\n",
    f"cut off: ⟦-----BEGIN RSA PRIVATE KEY-----\n{BASE64}\n{BASE64}⟧",
    f"⟦{_block('PRIVATE KEY')}⟧\n⟦{_block('RSA PRIVATE KEY')}⟧",
]

NEGATIVES: dict[str, list[str]] = {
    "version numbers": [
        "SQLite 3.8.10.2, PostgreSQL 7.2.1.4, Python 3.11.9 and gcc 13.2.0-7ubuntu1",
        "Mozilla/5.0 Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91",
        "version 115.3.1.4, v90.2.10.7, Release: 102.1.2.3, firmware 77.105.3.9, build 100.64.99.213",
        "Linux 5.15.0-1053-aws #58~20.04.1-Ubuntu, kernel 2.6.32-754.35.1.el6.x86_64",
        "lodash@4.17.21, @scope/pkg@1.4.0-rc.beta, requests==2.31.0, OID 1.3.6.1.4.1.311.21.20",
        "Windows 10.0.19045.3803 (KB 5033372), iOS 17.2.1 (21C66), 20231231.1.2024",
    ],
    "dates and times": [
        "1999-12-31 23:59, 2002-2003, 1881-1906, 12/31/1999, 2014.05.01, 31.12.1999",
        "2024-02-29T12:34:56+02:00, 2024-02-29 12:34:56.789012, 20240229T123456Z, 20240229-123456",
        "31-12-1999 10-11-2012, 01/02/03, 1914-1918 1939-1945, 2001-02 2002-03 2003-04",
        "10:15-11:45, 09.30-17.00, 12:34:56, 1 January 2001 0900-1700, 24.12.2023 18.00 Uhr",
        "2023-11-06 08:15:27 2023-11-06 08:15:28, 平成29-10-22, 06-01-2013 03-04-2014",
    ],
    "ISBN, ISSN and DOI": [
        "ISBN 978-3-16-148410-0, 0-671-21036-5, 9780552153720, 978 0 306 40615 7 and 979-10-90636-07-1",
        "ISBN: 0 19 852663 6, ISBN-10 0-8044-2957-X, ISBN 2-07-036822-X, 3-446-19313-8, 88-04-47442-6, 84-206-3312-1",
        "ISBN 4-10-101001-3, 7-5028-0127-8, 81-7167-218-9, 85-359-0277-5, 90-204-2063-5, 0-642-99080-1",
        "ISSN 0378-5955, 2049-3630, 1050-124X; ISMN 979-0-2600-0043-8",
        "doi:10.1000/182, 10.1109/5.771073, https://doi.org/10.1038/nphys1170, 10.1093/ajae/aaq063",
        "978-0-13-110362-7, 978-4-00-310101-8, 978-7-302-05701-7 and 978-85-333-0227-3 are on loan",
    ],
    "statutes and sections": [
        "48 C.F.R. 252.227-7014 and DFAR 252.227-7015; 17 U.S.C. 107; 42 U.S.C. 2000-2 to 2000-6",
        "§ 193.102.180.41 and Section 121.45.78.123 of the code, Art. 12-3-45, RCW 9.94.030",
        "Public Law 104-191, Executive Order 13526, 29 CFR 1910.1200, Fla. Stat. 1012.335",
        "1.2.3.4.5 Scope, 10.20.30 Terms, clause 3.14.15.92, RFC 2616 14.9.1",
    ],
    "verses and pages": [
        "Genesis 1:1-31, John 3:16, 1 Corinthians 13:4-8, Psalm 119:105-112, Mt 5,3-12; 6,9-13",
        "pp. 1234-1256, 1002-1013; vol. 12(3), 145-167; fol. 12-34, 56-78, 90-123",
        "Surah 2:255-286, Iliad 24.468-551, Rigveda 10.129.1-7",
    ],
    "coordinates and measures": [
        "40.712776, -74.005974; 51.5074 N 0.1278 W; 48° 51' 24\" N 2° 21' 8\" E; 35.689487,139.691711",
        "1024x768, 3840 x 2160, 12 x 34 x 56 cm, 5.972e24 kg, 299 792 458 m/s, 0.4242424242424242",
        "UTM 33 458 731 5 462 107, elevation 1 013-1 247 m, 101 325 Pa, 1013.25 hPa",
    ],
    "prices and figures": [
        "$1,234.56, 1.234.567,89 €, USD 12 345 678, £ 020 7946.50, $ 415 555 2671.50, ₹ 98,76,543.21",
        "population 1,234,567,890; 257 022 000; 2147483648; 18446744073709551615; 6.02214076e23",
        "1998 1999 2000 2001 2002\n4012 8888 8888 1881 5105\n1234 5678 9012 3456 7890",
        "12.5 13.7 14.2 15.9\n| 101 | 202 | 303 | 404 |\n100 200 300 400 500 600",
        "06 12 18 24 30 36\n01 02 03 04 05 06 07 08 09 10\n10 20 30 40 50 60 70 80 90",
        "1 234 567 8 901 234; 912 34 5; 123 456 789 012 kWh; 3.141592653589793",
        "2010\t1,234\t5,678\n2011\t020\t794\n2012 100 000 2013 110 000",
    ],
    "digests and identifiers": [
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, md5 d41d8cd98f00b204e9800998ecf8427e",
        "550e8400-e29b-41d4-a716-446655440000, 00000000-0000-0000-0000-000000000000",
        "12345678-1234-1234-1234-123456789012 and 20010203-0405-0607-0809-101112131415",
        "00:1A:2B:3C:4D:5E, 01-23-45-67-89-AB, SHA1 2f:d4:e1:c6:7a:2d:28:fc:ed:84:9e:e1:bb:76:e7:39:1b:93:eb:12",
        "IMEI 490154203237518, VIN 1HGCM82633A004352, UPC 0 36000 29145 2, EAN 4006381333931, SSCC 003456789012345675",
        "4242 4242 4242 4243 fails Luhn; 4111111111111111 is a placeholder; 1234567890123456 has no scheme",
    ],
    "serial and part numbers": [
        "S/N 1234-5678-9012, P/N 123-4567-890AB, Part 45-6789-0123-X, No. 0012-3456/78, SKU 555-0123-4567-89",
        "Order 302-1234567-1234567, invoice 2023/000123/45, case 05-cv-01234, US Patent 4,405,829 and 6,285,999",
        "Product key 12345-67890-12345-67890-12345, model 8472-0291, AWB 176-1234 5675, HS 8471.30.01",
    ],
    "private and reserved addresses": [
        "127.0.0.1, 10.0.0.1, 192.168.2.1, 172.16.0.9, 0.0.0.0, 255.255.255.255, 224.0.0.1, 169.254.1.1, 100.64.1.1",
        "192.0.2.16, 198.51.100.7 and 203.0.113.9 are for documentation, and so is 2001:db8::1",
        "std::vector<int> a::b, x ::= y, fe80::1, ::1, '2001::int', 2000::, fd00:1:2::3, ff02::1:2",
        "RestrictedAccessPolicy 193.102.180.0/24, netmask 255.255.255.0, 121.345.78.123 is no address",
        "me@example.com, root@localhost, you@sub.example.org, a@b.test, git@github.com:user/repository.git",
        "@decorator, 5@home, user@host, @media (min-width: 30em), logo@2x.png, icon@3x.webp, {{user@domain}}",
    ],
    "paths of drawings": [
        '<path d="M12.5 20.3c-1.2 3.4 5.6-7.8 9.1-2.3l4.5 6.7z"/> <path d="M10-20 30 40-50 60 70 80"/>',
        'd="M 100 200 300 400 500 600 L 10.12 20.34 30.56" viewBox="0 0 1024 1024" points="020 123 456 789 012 345"',
        "translate(123.456 789.012) rotate(45 50 50) matrix(1 0 0 1 123 456)",
    ],
    "addresses": [
        "Boston, MA 02110-1301; FPO AE 09834-5100; Washington, DC 20540-4320",
        "75008 Paris, 10115 Berlin, 100-0001 東京都, 110 001 New Delhi, 01310-100 São Paulo, 1012 AB Amsterdam",
        "PO Box 1234-5678, 12-34-56 Nishi, 221B, 1600-1700 Main Street, Apt 12-3456",
    ],
    "public keys and placeholders": [
        f"-----BEGIN PUBLIC KEY-----\n{BASE64}\n{BASE64}\n-----END PUBLIC KEY-----",
        f"-----BEGIN CERTIFICATE-----\n{BASE64}\n-----END CERTIFICATE-----",
        "It begins with -----BEGIN RSA PRIVATE KEY----- and ends with -----END RSA PRIVATE KEY-----, as RFC 7468 says.",
        "-----BEGIN PRIVATE KEY-----\n(your key here)\n-----END PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAK...\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{BASE64}\n-----END PGP PUBLIC KEY BLOCK-----",
    ],
}
"""By what they are: nothing in them is to be found, with the telephone regions of all countries above at once."""


def unmarked(sentence: str) -> tuple[str, list[str]]:
    """A sentence without its marks, and what stood between them."""
    pieces = [piece.split("⟧") for piece in sentence.split("⟦")]
    wanted = [piece[0] for piece in pieces[1:]]
    return sentence.replace("⟦", "").replace("⟧", ""), wanted
