"""The numbers of a result, ready for JSON."""

from __future__ import annotations

import json

import torch
from comfyui_sinddm_rs.guidance.prompting.prompts import parse_prompts
from comfyui_sinddm_rs.guidance.results import Candidate, EditResult


def test_summary() -> None:
    image, changed = torch.rand(3, 32, 32), torch.zeros(32, 32)
    result = EditResult(
        image=image,
        changed=changed,
        score_before=1.23456,
        score_after=-2.34567,
        changed_share=0.123456,
        seconds=1.23456,
        seed=2**62,
        guide="compact",
        model="patch",
        exemplars=("fire",),
        painted="#ff8800",
        ensemble=parse_prompts("flames : 2 | smoke", "a fire"),
        warnings=("Beware.",),
        candidates=(Candidate(image, changed, -2.34567, 2**62),),
    )
    assert json.loads(json.dumps(result.summary())) == {
        "seconds": 1.23,
        "seed": 2**62,
        "guide": "compact",
        "model": "patch",
        "score_before": 1.235,
        "score_after": -2.346,
        "changed_share": 0.1235,
        "exemplars": ["fire"],
        "painted": "#ff8800",
        "prompts": ["flames", "smoke"],
        "warnings": ["Beware."],
    }
