from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.evaluation.rating_page import RatedEdit, rating_codes, rating_page
from PIL import Image, PngImagePlugin

METHODS = ("method-of-ours", "blended-baseline", "sd-inpainting")
PROMPTS = ("a river in flood", "a forest on fire")
NASTY = """</script><b>"&'{{ 7*7 }} <!-- ${alert(1)}"""


@pytest.fixture
def edits(tmp_path: Path) -> list[RatedEdit]:
    return [make_edit(tmp_path, prompt, method) for prompt in PROMPTS for method in METHODS]


def make_edit(folder: Path, prompt: str, method: str) -> RatedEdit:
    """A result whose edit is of one grey that tells the method, on a source of two greys that tells the prompt."""
    place = PROMPTS.index(prompt)
    source, edit = folder / f"source_{place}.png", folder / f"{method}_{place}.png"
    Image.fromarray(np.repeat(np.uint8([10, 20 + place]), 32 * 24).reshape(48, 32)).save(source)
    comments = PngImagePlugin.PngInfo()
    comments.add_text("parameters", method)
    Image.new("RGB", (32, 48), (100 + 10 * METHODS.index(method),) * 3).save(edit, pnginfo=comments)
    return RatedEdit(f"{prompt}/{method}", source, edit, prompt, method)


def pictures(page: str) -> list[Image.Image]:
    listed = json.loads(re.search(r"const PICTURES = (\[.*?\]);", page)[1])
    assert all(uri.startswith("data:image/png;base64,") for uri in listed)
    return [Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) for uri in listed]


def shown(page: str) -> list[list[str]]:
    """The codes of each screen, as they stand on the page."""
    screens = page.split('<section class="screen task"')[1:]
    return [list(dict.fromkeys(re.findall(r'data-code="(\w+)"', screen))) for screen in screens]


def without_pictures(page: str) -> str:
    return re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", page)


def test_edits_of_one_prompt_share_a_screen(edits):
    page, codes = rating_page(edits, 1), rating_codes(edits, 1)
    keys = [[codes[code] for code in screen] for screen in shown(page)]
    assert sorted(map(sorted, keys)) == [
        sorted(edit.key for edit in edits if edit.prompt == prompt) for prompt in sorted(PROMPTS)
    ]


def test_a_prompt_asked_for_in_two_regions_has_two_screens(edits):
    parted = [replace(edit, region=(1, 2, 10, 20) if edit.method == METHODS[0] else None) for edit in edits]
    assert sorted(map(len, shown(rating_page(parted, 1)))) == [1, 1, 2, 2]


def test_the_seed_sets_codes_and_order_whatever_the_order_of_edits(edits):
    assert rating_page(edits, 5) == rating_page(edits[::-1], 5)
    orders = {
        str([[rating_codes(edits, seed)[code] for code in screen] for screen in shown(rating_page(edits, seed))])
        for seed in range(6)
    }
    assert len(orders) > 3
    assert not set(rating_codes(edits, 0)) & set(rating_codes(edits, 1))


def test_each_method_comes_first_about_equally_often(edits):
    first = [rating_codes(edits, seed)[shown(rating_page(edits[:3], seed))[0][0]] for seed in range(60)]
    assert all(10 <= first.count(edit.key) <= 30 for edit in edits[:3])


def test_nothing_on_the_page_tells_a_method(edits, tmp_path):
    page = rating_page(edits, 1)
    for secret in (*METHODS, *(edit.key for edit in edits), *(edit.edit.name for edit in edits), str(tmp_path)):
        assert secret not in page
    assert all(not picture.info for picture in pictures(page))
    assert all(re.fullmatch("[0-9a-f]{12}", code) for code in rating_codes(edits, 1))


def test_every_picture_is_on_the_page_once_and_exact(edits):
    colours = sorted(int(np.asarray(picture).max()) for picture in pictures(rating_page(edits, 1)))
    assert colours == [20, 21, 100, 110, 120]  # two sources; both prompts have the same three edits


def test_formats_cannot_be_told_apart(edits, tmp_path):
    stored = Image.open(edits[0].edit)
    for suffix in ("jpg", "webp", "tif"):
        stored.save(tmp_path / f"other.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
        other = replace(edits[0], edit=tmp_path / f"other.{suffix}")
        assert rating_page([other], 1) == rating_page(edits[:1], 1)


def test_a_change_of_brightness_survives_where_the_range_is_the_files_own(tmp_path):
    source = np.linspace(0, 4000, 40 * 40).reshape(40, 40).astype(np.int16)
    tifffile.imwrite(tmp_path / "source.tif", source)
    tifffile.imwrite(tmp_path / "edit.tif", source // 2)
    edit = RatedEdit("key", tmp_path / "source.tif", tmp_path / "edit.tif", "darker", "method-of-ours")
    assert sorted(int(np.asarray(picture).max()) for picture in pictures(rating_page([edit], 1))) == [128, 255]


def test_a_prompt_cannot_break_the_page(edits):
    plain, nasty = rating_page(edits[:1], 1), rating_page([replace(edits[0], prompt=NASTY)], 1)
    assert "{{ 7*7 }}" in nasty and "&lt;/script&gt;&lt;b&gt;&#34;&amp;&#39;" in nasty
    for mark in ("<script", "</script", "<b>", "<!--", "<section"):
        assert nasty.count(mark) == plain.count(mark)


def test_the_page_names_no_address_and_forbids_connections(edits):
    page = without_pictures(rating_page(edits, 1))
    assert not re.search(r"https?://|//\w+\.|url\(|@import|fetch\(|XMLHttpRequest|sendBeacon|WebSocket", page)
    assert re.search(r"Content-Security-Policy\"\s+content=\"default-src 'none'; img-src data:;", page)


def test_a_region_is_drawn_where_it_is(edits):
    page = rating_page([replace(edits[0], region=(8, 12, 16, 24))], 1)
    assert page.count('style="left:25.000%;top:25.000%;width:50.000%;height:50.000%"') == 2
    assert "inside the outline" in page and "inside the outline" not in rating_page(edits, 1)


@pytest.mark.parametrize("region", [(-1, 0, 4, 4), (0, 0, 33, 4), (0, 40, 4, 9), (3, 3, 0, 4)])
def test_a_region_off_the_picture_is_refused(edits, region):
    with pytest.raises(InputError, match=r"region .* is not on .*source_0\.png of 32×48 px"):
        rating_page([replace(edits[0], region=region)], 1)


def test_what_cannot_be_rated_is_refused(edits, tmp_path):
    with pytest.raises(InputError, match="no edits to rate"):
        rating_page([], 1)
    with pytest.raises(InputError, match="Two edits to rate have the key 'a river in flood/method-of-ours'"):
        rating_page([edits[0], replace(edits[1], key=edits[0].key)], 1)
    with pytest.raises(InputError, match=r"gone\.png does not exist"):
        rating_page([replace(edits[0], edit=tmp_path / "gone.png")], 1)


def test_more_edits_than_letters_are_still_told_apart(edits):
    page = rating_page([replace(edits[0], key=str(i)) for i in range(28)], 1)
    assert "<h3>Edit Z</h3>" in page and "<h3>Edit AA</h3>" in page and "<h3>Edit BB</h3>" in page
