"""What each score of a record is called, what it means, and how it is read from a record."""

from __future__ import annotations

from dataclasses import dataclass

from .records import Record


@dataclass(frozen=True)
class Column:
    """A score of the tables. key: its name in records. label: its heading. meaning: a sentence or two, with source.

    digits: after the decimal point. best: "high", "low", "one" (1 is best) or "" where none is. by_guide: a scorer's.
    """

    key: str
    label: str
    digits: int
    meaning: str
    best: str = ""
    by_guide: bool = False

    def value(self, record: Record, scorer: str) -> float | None:
        """Of a record; ``scorer``: identity of the scorer whose score it is."""
        values = record.scores.get(scorer, {}) if self.by_guide else record.measures
        value = values.get(self.key)
        return None if value is None else float(value)


@dataclass(frozen=True)
class _Gain(Column):
    """The CLIP score of the edit less that of its source."""

    def value(self, record: Record, scorer: str) -> float | None:
        after, before = (record.scores.get(scorer, {}).get(key) for key in ("clip_score", "clip_score_source"))
        return None if after is None or before is None else float(after) - float(before)


@dataclass(frozen=True)
class _Seconds(Column):
    def value(self, record: Record, scorer: str) -> float | None:  # noqa: ARG002 (of no scorer)
        return record.seconds if record.failure is None else None


CLIP = Column(
    "clip_score",
    "CLIP score",
    2,
    "100 × cosine of the edited picture and the text as written, by the scoring guide (paper, section IV).",
    "high",
    by_guide=True,
)
SOURCE_CLIP = Column("clip_score_source", "CLIP score of the source", 2, "The same of the source.", "", by_guide=True)
SECONDS = _Seconds("seconds", "Seconds", 1, "Wall time of one edit, without loading or training a model.", "low")
COLUMNS = (
    CLIP,
    _Gain("clip_gain", "Gain", 2, "CLIP score of the edit less that of its source.", "high", by_guide=True),
    Column(
        "clip_score_region",
        "CLIP, region",
        2,
        "CLIP score of the crop around the region or, without one, around what visibly changed.",
        "high",
        by_guide=True,
    ),
    Column(
        "directional",
        "Directional",
        3,
        "Cosine of the ways from source to edit and from “a satellite image” to the text; −1…1 (arXiv 2108.00946).",
        "high",
        by_guide=True,
    ),
    Column(
        "ssim_outside",
        "SSIM outside",
        4,
        "Structural similarity to the source outside the region or, without one, outside what visibly changed; "
        "1 = kept (doi:10.1109/TIP.2003.819861).",
        "high",
    ),
    Column(
        "structure_distance_outside",
        "Structure dist.",
        4,
        "Difference of layout there, whatever the colours: 0 = same, about 1 = unrelated (after arXiv 2201.00424).",
        "low",
    ),
    Column(
        "patch_swd",
        "Patch-SWD",
        4,
        "Sliced Wasserstein distance of the 7×7 patches of edit and source: how foreign the texture is "
        "(doi:10.1007/978-3-642-24785-9_37). What the text asks for is foreign too.",
        "low",
    ),
    Column(
        "patch_swd_ratio",
        "SWD / unguided",
        2,
        "The same over that of a new scene drawn by the patch model without any guidance.",
        "low",
    ),
    Column(
        "sharpness",
        "Sharpness",
        2,
        "Gradient energy inside the change over that of the source there: 1 = as sharp as it was "
        "(doi:10.1016/j.patcog.2012.11.011). Smoke and water are smooth, rubble is not.",
        "one",
    ),
    Column("sharpness_in_out", "in / out", 2, "Gradient energy of the edit inside the change over that outside it."),
    Column(
        "seam",
        "Seam",
        2,
        "Mean step across the region's border, over what that border would meet anywhere in the source; a seam shows "
        "as an excess over the next column.",
        "low",
    ),
    Column(
        "seam_source",
        "of source",
        2,
        "The same of the source: above 1 where the border follows an edge of the scene.",
    ),
    Column("visible_share", "Changed", 3, "Share of the picture that visibly changed; with a region, its share.", ""),
    SECONDS,
)
DIVERSITY = Column(
    "diversity",
    "Diversity",
    3,
    "Root mean square difference of the edits of two seeds where any of them changed, mean over pairs and tasks.",
    "high",
)
