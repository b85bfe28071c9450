"""The rating page in a real browser, from a local file and without a network: entered, rated, reloaded, downloaded.

Needs the package playwright and a Chromium of the system (``SINDDM_RS_CHROMIUM`` names another); a screenshot lands in
the folder of ``SINDDM_RS_SCREENSHOTS``, if it is set.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from comfyui_sinddm_rs.evaluation.rating_page import RatedEdit, rating_codes, rating_page
from comfyui_sinddm_rs.evaluation.ratings import Rating, read_ratings
from comfyui_sinddm_rs.rasters.bundled import scene_path
from PIL import Image

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
CHROMIUM = os.environ.get("SINDDM_RS_CHROMIUM") or shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium; SINDDM_RS_CHROMIUM names it")

FLAGS = "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update"
METHODS = {"method-of-ours": 0.7, "blended-baseline": 1.3}
PROMPTS = {"river": "a river in flood", "house": """a </script><b>"& house"""}
REGIONS = {"river": None, "house": (60, 70, 110, 100)}
SEED = 4


@pytest.fixture(scope="module")
def edits(tmp_path_factory: pytest.TempPathFactory) -> list[RatedEdit]:
    """Two scenes, each made darker and brighter."""
    folder = tmp_path_factory.mktemp("edits")
    made = []
    for scene, prompt in PROMPTS.items():
        for method, factor in METHODS.items():
            path = folder / f"{scene}_{method}.png"
            with Image.open(scene_path(scene)) as source:
                source.convert("RGB").point([min(255, int(factor * v)) for v in range(256)] * 3).save(path)
            made.append(RatedEdit(f"{scene}/{method}", scene_path(scene), path, prompt, method, REGIONS[scene]))
    return made


@pytest.fixture(scope="module")
def address(edits: list[RatedEdit], tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "rating.html"
    path.write_text(rating_page(edits, SEED), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The open page; afterwards it must have asked for nothing but itself, and have made no error."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, offline=True, accept_downloads=True)
    page, asked, errors = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("dialog", lambda dialog: errors.append(dialog.message))
    page.goto(address)
    yield page
    assert errors == []
    assert {url for url in asked if not url.startswith(("data:", "blob:"))} == {address}
    context.close()


def begin(page: Any, name: str = "Dr. Ada") -> None:
    page.get_by_label("Your name or initials").fill(name)
    page.get_by_role("button", name="Start").click()


def rate(page: Any, edit: str, question: str, value: int) -> None:
    """By mouse, found as a screen reader finds it."""
    group = page.get_by_role("group", name=re.compile(f"^Edit {edit}, {question}"))
    group.get_by_role("radio", name=re.compile(f"^{value}")).click()


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def progress(page: Any) -> str:
    return str(page.locator("#progress").inner_text())


def given(page: Any) -> list[str]:
    """The answers marked on the screen in view."""
    return list(page.evaluate("() => [...document.querySelectorAll('.task:not([hidden]) :checked')].map(i => i.value)"))


def downloaded(page: Any, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download results").click()
    assert waiting.value.suggested_filename.startswith("ratings_Dr_Ada_")
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_a_rater_rates_all_by_keyboard_and_mouse_and_hands_in_a_file(page, edits, tmp_path):
    begin(page)
    press(page, "4", "2", "5", "1")
    assert given(page) == ["4", "2", "5", "1"] and progress(page) == "Screen 1 of 2 · 2 of 4 edits rated"
    press(page, "Enter")
    rate(page, "A", "Fidelity", 3)
    rate(page, "A", "Quality", 5)
    page.wait_for_timeout(300)

    page.reload()
    assert given(page) == ["3", "5"] and progress(page) == "Screen 2 of 2 · 3 of 4 edits rated"
    rate(page, "B", "Fidelity", 1)
    rate(page, "B", "Quality", 1)
    rate(page, "B", "Quality", 2)
    page.get_by_role("button", name="Finish").click()
    assert "4 of 4 edits rated" in page.locator("#tally").inner_text()

    codes = rating_codes(edits, SEED)
    ratings = read_ratings([downloaded(page, tmp_path)], codes)
    on_page = page.evaluate("() => [...document.querySelectorAll('fieldset')].map(each => each.dataset.code)")
    values = dict(zip(dict.fromkeys(on_page), [(4, 2), (5, 1), (3, 5), (1, 2)], strict=True))
    expected = [Rating("Dr. Ada", codes[code], *both, seconds=0.0) for code, both in values.items()]
    assert [(each.rater, each.key, each.fidelity, each.quality) for each in ratings] == [
        (each.rater, each.key, each.fidelity, each.quality) for each in expected
    ]
    assert all(0.3 <= rating.seconds < 60 for rating in ratings[2:])


def test_no_method_key_or_file_name_can_be_read_from_the_page(page, edits):
    begin(page)
    content = page.content()
    for edit in edits:
        assert not [secret for secret in (edit.method, edit.key, edit.edit.name) if secret in content]


def test_an_answer_can_be_changed_after_going_back(page):
    begin(page)
    press(page, "1", "1", "1", "1", "Enter")
    press(page, "Backspace")
    assert given(page) == ["1"] * 4
    rate(page, "B", "Fidelity", 5)
    press(page, "ArrowLeft")
    assert given(page) == ["1", "1", "4", "1"]
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Back").click()
    assert given(page) == ["1", "1", "4", "1"]


def test_a_screen_is_not_left_before_all_its_edits_are_rated(page):
    begin(page)
    press(page, "2", "Enter")
    assert page.get_by_role("status").inner_text() == "3 ratings are missing here."
    assert progress(page).startswith("Screen 1 of 2")
    press(page, "3", "4", "5", "Enter")  # the focus was put on the first that is missing
    assert progress(page) == "Screen 2 of 2 · 2 of 4 edits rated"


def test_the_keyboard_brings_the_next_edit_into_view(page):
    begin(page)
    press(page, "3", "3")
    card = page.get_by_role("article", name="Edit B").bounding_box()
    area = page.locator(".pictures:visible").bounding_box()
    assert area["y"] <= card["y"] and card["y"] + card["height"] <= area["y"] + area["height"]
    header, footer = page.locator(".prompt:visible").bounding_box(), page.locator("footer").bounding_box()
    assert header["y"] == 0 and footer["y"] + footer["height"] == page.viewport_size["height"]


def test_a_browser_that_keeps_nothing_says_so_and_still_gives_the_file(page, edits, tmp_path):
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('denied'); }})")
    page.reload()
    begin(page)
    press(page, "4")
    assert page.get_by_role("status").inner_text().startswith("This browser keeps no answers")
    press(page, *"333", "Enter", *"3333", "Enter")
    assert len(read_ratings([downloaded(page, tmp_path)], rating_codes(edits, SEED))) == 4


def test_people_at_one_computer_have_answers_of_their_own(page):
    begin(page)
    press(page, *"1111", "Enter", *"1111", "Enter")
    page.get_by_role("button", name="Another person").click()
    begin(page, "Bob")
    assert given(page) == [] and progress(page) == "Screen 1 of 2 · 0 of 4 edits rated"
    page.evaluate("() => byId('other').click()")
    begin(page)
    assert "4 of 4" in progress(page)


def test_a_prompt_is_shown_as_it_is_and_the_region_outlined(page):
    begin(page)
    prompts = []
    for _ in PROMPTS:
        prompts.append(page.locator("h2:visible").inner_text())
        assert page.locator(".outline:visible").count() == (3 if "house" in prompts[-1] else 0)
        press(page, *"1111", "Enter")
    assert sorted(prompts) == sorted(f"“{prompt}”" for prompt in PROMPTS.values())


def test_pictures_are_enlarged_by_whole_numbers_and_stay_sharp(page):
    begin(page)
    images = page.locator(".task:not([hidden]) .frame img:not(.before)")
    photograph(page, "rating")
    assert images.count() == 3
    for image in images.all():
        size = image.evaluate("i => [i.clientWidth, 2 * i.naturalWidth, getComputedStyle(i).imageRendering]")
        assert size[0] == size[1] and size[2] == "pixelated"
    page.get_by_label("Size").select_option("1:1")
    assert images.first.evaluate("i => i.clientWidth === i.naturalWidth")


def test_holding_s_shows_the_source_in_place_of_the_edits(page):
    begin(page)
    before = page.locator(".task:not([hidden]) .before").first
    assert not before.is_visible()
    page.keyboard.down("s")
    assert before.is_visible()
    page.keyboard.up("s")
    assert not before.is_visible()


@pytest.mark.parametrize("width", [320, 400, 700, 1000])
def test_a_narrow_window_needs_no_scrolling_sideways(page, width):
    begin(page)
    page.set_viewport_size({"width": width, "height": 700})
    page.get_by_label("Size").select_option("3:1")
    beyond = "() => [...document.querySelectorAll('html, .pictures')].map(e => e.scrollWidth - e.clientWidth)"
    assert max(page.evaluate(beyond)) == 0
    rate(page, "B", "Quality", 4)
    assert given(page) == ["4"]


def photograph(page: Any, name: str) -> None:
    if folder := os.environ.get("SINDDM_RS_SCREENSHOTS"):
        page.wait_for_timeout(300)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))
