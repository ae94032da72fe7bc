"""Reports as stages make them, and text as a hostile crawl holds it."""

import numpy as np

from bessemer.reporting.report import (
    Count,
    Drop,
    Sample,
    SamplePair,
    Series,
    StageReport,
    Table,
    check,
    histogram,
)

HOSTILE = {
    "script": "<script>document.title='owned'</script>",
    "attribute": '"><img src=x onerror="document.title=1"> \' onmouseover=alert(1)',
    "style": "</style></title></textarea><style>body{display:none}</style>",
    "comment": "--><!-- <![CDATA[ ]]> &lt;b&gt; &#0; &amp;",
    "template": "{{ 7 * 7 }} {% include 'base.html' %} ${7*7}",
    "markdown": "| a | b |\n|---|---|\n[link](javascript:alert(1)) ![i](http://example.org/x.png) <http://example.org> "
    "`code` **bold** ~~gone~~ # heading https://example.org www.example.org a@example.org :smile: @name",
    "direction": "access \u202e\u2066// admin\u2069 \u2066check\u200f\u061c",
    "control": "bell\x07 escape\x1b[31m null\x00 c1\x9b delete\x7f carriage\rreturn",
    "invisible": "zero\u200bwidth\ufeff soft\u00adhyphen \u2028line\u2029paragraph tag\U000e0041 private\U0010ffff",
    "zalgo": "z" + "\u0301\u0316" * 40 + "algo",
    "mathtext": "$\\frac{1}{0}$ \\input{/etc/passwd}",
    "long": "w" * 5000,
    "scripts": "简体中文 العربية हिन्दी ไทย עברית 👩‍👩‍👧 e\u0301",
}
"""Kind of attack to a text that carries it."""


def curate_report(scale: int = 1) -> StageReport:
    """A report with every part filled; ``scale`` multiplies its samples, pairs and rows."""
    rng = np.random.default_rng(7)
    words = rng.lognormal(6, 1, 4000)
    text = "The whale surfaced at dawn, and the boats were lowered without a word from the captain. " * 6
    other = text.replace("dawn", "dusk").replace("captain", "first mate")
    return StageReport(
        stage="curate",
        title="Curated corpus",
        summary="9,120 documents came in and 6,204 stay, with 31.2 MB of text; near duplicates are the largest loss.",
        counts=[
            Count(label="Ingested", documents=9120, bytes=48_300_000),
            Count(label="In a wanted language", documents=8400, bytes=44_100_000),
            Count(label="Passed the quality rules", documents=7015, bytes=36_800_000),
            Count(label="Kept", documents=6204, bytes=31_200_000),
        ],
        drops=[
            Drop(reason="language", documents=720, bytes=4_200_000),
            Drop(reason="repetition", documents=1385, bytes=7_300_000),
            Drop(reason="near_duplicate", documents=800, bytes=5_500_000),
            Drop(reason="contaminated", documents=11, bytes=100_000),
        ],
        metrics={
            "documents_kept": 6204,
            "kept_fraction": 0.6803,
            "written_bytes": 31_200_000,
            "reference_english_bits_per_byte": 1.6123,
            "priority": "quality, length, date",
            "largest_group": 41,
        },
        histograms=[
            histogram("words", words, title="Words per document", unit="words", threshold=50, log_x=True),
            histogram("score", rng.beta(2, 5, 4000), title="Quality score", unit="probability", threshold=0.35),
            histogram(
                "groups", rng.zipf(2.2, 900) % 400, title="Duplicate group size", unit="documents", bins=20, log_y=True
            ),
        ],
        series=[
            Series(
                name="training",
                title="Training",
                x="step",
                y=["train_loss", "validation_loss", "learning_rate"],
                rows=[
                    [
                        float(step),
                        3 + 6 * float(np.exp(-step / 150)) + float(rng.normal()) * 0.08,
                        3.1 + 6 * float(np.exp(-step / 150)) if step % 100 == 0 else None,
                        0.004 * min(1, step / 50),
                    ]
                    for step in range(900)
                ],
            )
        ],
        tables=[
            Table(
                name="sources",
                title="By source",
                columns=["source", "documents", "bytes", "kept_fraction"],
                rows=[
                    ["crawl", 5200, 30_100_000, 0.55],
                    ["books", 900, 12_000_000, 0.97],
                    ["help pages", 3020, None, 0.81],
                ]
                * scale,
                note="Text is counted in UTF-8 bytes.",
            )
        ],
        samples=[
            Sample(
                group=group,
                id=f"{number:032x}",
                source="crawl",
                text=f"{number}. {text}"[:600],
                facts={"words": 96, "quality": 0.313, "url": "https://example.org/a?b=1&c=2"},
            )
            for group in ("repetition", "near_duplicate")
            for number in range(3 * scale)
        ],
        pairs=[
            SamplePair(id_a="a" * 32, id_b="b" * 32, text_a=text[:600], text_b=other[:600], similarity=0.8312)
            for _ in range(2 * scale)
        ],
        checks=[
            check("kept_fraction", 0.6803, ">=", 0.2, severity="error", reason="a corpus that loses more is broken"),
            check("largest_group", 41, "<=", 25, severity="warn", reason="a large family hints at boilerplate"),
        ],
        provenance={"documents": "0f" * 16, "params": "5c" * 16},
    )


def hostile_report() -> StageReport:
    """A report in which every free text is an attack."""
    attacks = list(HOSTILE.values())
    everything = " ".join(attacks)
    curves = [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    return StageReport(
        stage="curate",
        title=everything[:900],
        summary=everything,
        counts=[Count(label=text, documents=number + 1, bytes=9) for number, text in enumerate(attacks)],
        drops=[Drop(reason=text, documents=3, bytes=5) for text in attacks],
        metrics={text: text for text in attacks},
        histograms=[histogram("words", [1, 2], title=text, unit=text, bins=3, threshold=1.5) for text in attacks],
        series=[Series(name=text, title=text, x=text, y=attacks[:2], rows=curves) for text in attacks],
        tables=[Table(name="t", title=text, columns=[text, "n"], rows=[[text, 1]], note=text) for text in attacks],
        samples=[Sample(group=text, id=text, source=text, text=text, facts={text: text}) for text in attacks],
        pairs=[SamplePair(id_a=a, id_b=a, text_a=a, text_b=a[::-1], similarity=0.7) for a in attacks],
        checks=[check(text, 1, "<=", 0, severity="warn", reason=text) for text in attacks],
        provenance={text: text for text in attacks},
    )
