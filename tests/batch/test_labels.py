"""Labels of published datasets as regions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from comfyui_sinddm_rs.batch.labels import read_boxes, read_buildings, read_region
from comfyui_sinddm_rs.errors import InputError

SQUARE = "POLYGON ((4 4, 12 4, 12 12, 4 12, 4 4))"
RING = "POLYGON ((4 4, 20 4, 20 20, 4 20, 4 4), (8 8, 16 8, 16 16, 8 16, 8 8))"
TWO = "MULTIPOLYGON (((1 1, 3 1, 3 3, 1 1)), ((20 20, 24.5 20, 24 24, 20 20), (21 21, 22 21, 22 22, 21 21)))"


def buildings(path: Path, *outlines: str) -> Path:
    features = [{"properties": {"feature_type": "building"}, "wkt": each} for each in outlines]
    path.write_text(json.dumps({"features": {"lng_lat": [], "xy": features}, "metadata": {}}))
    return path


def test_boxes_of_both_kinds(tmp_path: Path) -> None:
    corners = {"xmin": 2, "ymin": 3, "xmax": 10, "ymax": 9}
    voc = "".join(f"<{name}>{value}</{name}>" for name, value in corners.items())
    old = "".join(f"<box_{name}>{value}</box_{name}>" for name, value in corners.items())
    (tmp_path / "voc.xml").write_text(
        f"<annotation><object><name>ship</name><bndbox>{voc}</bndbox></object></annotation>"
    )
    (tmp_path / "old.xml").write_text(
        f"<HRSC_Image><HRSC_Objects><HRSC_Object>{old}</HRSC_Object></HRSC_Objects></HRSC_Image>"
    )
    assert read_boxes(tmp_path / "voc.xml") == read_boxes(tmp_path / "old.xml")
    mask = read_region("boxes", tmp_path / "voc.xml", (32, 32))
    assert mask is not None and mask.dtype == torch.float32
    assert mask[3:10, 2:11].all() and mask.sum() == 7 * 9


def test_buildings_with_and_without_courtyards(tmp_path: Path) -> None:
    mask = read_region("buildings", buildings(tmp_path / "a.json", RING, SQUARE, TWO), (32, 32))
    assert mask is not None
    assert mask[5, 19] == 1 and mask[14, 14] == 0 and mask[10, 10] == 1  # the square fills a part of the courtyard
    assert mask[1, 2] == 1 and mask[20, 24] == 1
    assert len(read_buildings(buildings(tmp_path / "b.json", TWO))) == 2
    assert read_buildings(buildings(tmp_path / "c.json", "POLYGON EMPTY")) == []


def test_a_label_over_all_of_the_picture_is_no_region(tmp_path: Path) -> None:
    path = buildings(tmp_path / "a.json", "POLYGON ((-9 -9, 99 -9, 99 99, -9 99, -9 -9))")
    assert read_region("buildings", path, (32, 32)) is None


@pytest.mark.parametrize(
    ("reader", "content", "word"),
    [
        ("boxes", "<annotation>", "cannot be read"),
        ("boxes", "<annotation><object/></annotation>", "cannot be read"),
        ("boxes", "<annotation/>", "marks nothing"),
        ("buildings", "{}", "cannot be read"),
        ("buildings", '{"features": {"xy": [{"wkt": "POLYGON ((1 2, x y))"}]}}', "cannot be read"),
        ("buildings", '{"features": {"xy": [{"wkt": "LINE"}]}}', "cannot be read"),
        ("buildings", '{"features": {"xy": [{"wkt": "POLYGON ((90 90, 95 90, 95 95, 90 90))"}]}}', "marks nothing"),
    ],
)
def test_labels_that_cannot_be_used(tmp_path: Path, reader: str, content: str, word: str) -> None:
    (tmp_path / "label").write_text(content)
    with pytest.raises(InputError, match=word):
        read_region(reader, tmp_path / "label", (32, 32))
