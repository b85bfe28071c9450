"""What the pack shows to ComfyUI, and the example graphs, which must fit it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import comfyui_sinddm_rs as pack
import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("host")

NODES = pack.NODE_CLASS_MAPPINGS
GRAPHS = sorted(path.stem for path in (ROOT / "workflows" / "api").glob("*.json"))


def inputs_of(kind: str) -> dict[str, Any]:
    groups = NODES[kind].INPUT_TYPES()
    return {**groups["required"], **groups.get("optional", {})}


def test_every_node_has_a_display_name_and_a_help_page() -> None:
    assert set(NODES) == set(pack.NODE_DISPLAY_NAME_MAPPINGS)
    pages = ROOT / pack.WEB_DIRECTORY / "docs"
    assert {page.stem for page in pages.glob("*.md")} == set(NODES)


@pytest.mark.parametrize("name", NODES)
def test_everything_of_a_node_is_explained(name: str) -> None:
    node = NODES[name]
    page = (ROOT / pack.WEB_DIRECTORY / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {pack.NODE_DISPLAY_NAME_MAPPINGS[name]}\n")
    assert node.CATEGORY == "SinDDM-RS"
    assert node.DESCRIPTION
    assert callable(getattr(node, node.FUNCTION))
    assert len(node.RETURN_TYPES) == len(node.RETURN_NAMES) == len(node.OUTPUT_TOOLTIPS)
    for key, (_, options) in inputs_of(name).items():
        assert options["tooltip"]
        assert f"**{key}**" in page
    for output in node.RETURN_NAMES:
        assert f"**{output}**" in page


def test_each_example_has_both_formats() -> None:
    assert GRAPHS
    assert sorted(path.stem for path in (ROOT / "workflows").glob("*.json")) == GRAPHS


@pytest.mark.parametrize("name", GRAPHS)
def test_example_gives_every_required_input_and_no_unknown_one(name: str) -> None:
    for node in read(f"api/{name}").values():
        if node["class_type"] in NODES:
            assert set(node["inputs"]) <= set(inputs_of(node["class_type"]))
            assert set(NODES[node["class_type"]].INPUT_TYPES()["required"]) <= set(node["inputs"])


@pytest.mark.parametrize("name", GRAPHS)
def test_both_formats_of_an_example_are_the_same_graph(name: str) -> None:
    drawn, api = read(name), read(f"api/{name}")
    links = {link[0]: link for link in drawn["links"]}
    nodes = [node for node in drawn["nodes"] if node["type"] != "MarkdownNote"]
    assert {str(node["id"]): node["type"] for node in nodes} == {key: node["class_type"] for key, node in api.items()}
    for node in nodes:
        given = api[str(node["id"])]["inputs"]
        wired = {slot["name"]: links[slot["link"]] for slot in node["inputs"] if slot.get("link") is not None}
        assert {key: [str(link[1]), link[2]] for key, link in wired.items()} == {
            key: value for key, value in given.items() if isinstance(value, list)
        }
        # The interface keeps the choice "control after generate" right after a seed.
        values = [value for value in node["widgets_values"] if value not in ("fixed", "randomize")]
        assert values == [value for value in given.values() if not isinstance(value, list)]


def read(name: str) -> dict[str, Any]:
    graph: dict[str, Any] = json.loads((ROOT / "workflows" / f"{name}.json").read_text(encoding="utf-8"))
    return graph
