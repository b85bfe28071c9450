"""Edit every picture of a folder through a running ComfyUI: its HTTP API to send and fetch, its websocket for progress.

    python docs/examples/api_client.py PICTURES OUT --text "A fire in the forest" [--server http://127.0.0.1:8188]

Needs aiohttp and tqdm, which ComfyUI's own environment has. The graph is workflows/api/full_image_edit.json with the
example scene replaced by the uploaded picture.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import aiohttp
from tqdm import tqdm

GRAPH = Path(__file__).resolve().parents[2] / "workflows" / "api" / "full_image_edit.json"
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def graph_for(uploaded: str, text: str, seed: int) -> dict[str, Any]:
    """The example graph for one picture that the server has."""
    graph: dict[str, Any] = json.loads(GRAPH.read_text(encoding="utf-8"))
    for node in graph.values():
        if node["class_type"] == "SinDDMScene":
            node.update(class_type="LoadImage", inputs={"image": uploaded})
        elif node["class_type"] == "SinDDMEdit":
            node["inputs"].update(text=text, seed=seed)
    return graph


async def upload(session: aiohttp.ClientSession, picture: Path) -> str:
    form = aiohttp.FormData()
    form.add_field("image", picture.read_bytes(), filename=picture.name)
    form.add_field("overwrite", "true")
    async with session.post("/upload/image", data=form) as answer:
        answer.raise_for_status()
        return str((await answer.json())["name"])


async def queue(session: aiohttp.ClientSession, graph: dict[str, Any], client: str) -> str:
    async with session.post("/prompt", json={"prompt": graph, "client_id": client}) as answer:
        told = await answer.json()
        # A graph of which a part is valid is answered with 200 and errors.
        if answer.status != 200 or told["node_errors"]:
            raise SystemExit(f"ComfyUI refuses the graph: {json.dumps(told)[:500]}")
        return str(told["prompt_id"])


async def wait(socket: aiohttp.ClientWebSocketResponse, prompt: str, bar: tqdm[Any]) -> None:
    """Follow the bar of the running node until the prompt has ended. Raises SystemExit where it fails."""
    async for message in socket:
        if message.type != aiohttp.WSMsgType.TEXT:  # previews come as bytes
            continue
        told = json.loads(message.data)
        data = told["data"]
        if data.get("prompt_id") != prompt:
            continue
        if told["type"] == "progress":
            bar.total = data["max"]
            bar.n = data["value"]
            bar.refresh()
        elif told["type"] == "execution_error":
            raise SystemExit(f"{data['node_type']}: {data['exception_message'].strip()}")
        elif told["type"] == "executing" and data["node"] is None:
            return


async def fetch(session: aiohttp.ClientSession, prompt: str) -> bytes:
    """The first picture that the prompt saved."""
    async with session.get(f"/history/{prompt}") as answer:
        outputs = (await answer.json())[prompt]["outputs"].values()
    (image, *_) = [image for output in outputs for image in output.get("images", []) if image["type"] == "output"]
    async with session.get("/view", params=image) as answer:
        return await answer.read()


async def edit_folder(pictures: list[Path], out: Path, text: str, server: str, seed: int) -> None:
    client = uuid.uuid4().hex
    out.mkdir(parents=True, exist_ok=True)
    async with (
        aiohttp.ClientSession(server) as session,
        session.ws_connect(f"/ws?clientId={client}", max_msg_size=0) as socket,
    ):
        for number, picture in enumerate(pictures, 1):
            with tqdm(desc=f"{number}/{len(pictures)} {picture.name}", total=1) as bar:
                graph = graph_for(await upload(session, picture), text, seed)
                prompt = await queue(session, graph, client)
                await wait(socket, prompt, bar)
                (out / f"{picture.stem}.png").write_bytes(await fetch(session, prompt))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--text", default="A fire in the forest")
    parser.add_argument("--server", default="http://127.0.0.1:8188")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    pictures = sorted(path for path in chosen.pictures.iterdir() if path.suffix.lower() in SUFFIXES)
    if not pictures:
        raise SystemExit(f"{chosen.pictures} holds no picture ({', '.join(SUFFIXES)}).")
    asyncio.run(edit_folder(pictures, chosen.out, chosen.text, chosen.server, chosen.seed))


if __name__ == "__main__":
    main()
