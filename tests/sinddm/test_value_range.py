from __future__ import annotations

import torch
from comfyui_sinddm_rs.sinddm.value_range import to_pixels, to_signed, to_unit


def test_the_ends_and_the_middle_meet():
    image = torch.tensor([0.0, 0.25, 0.5, 1.0])
    assert to_signed(image).tolist() == [-1.0, -0.5, 0.0, 1.0]
    assert torch.equal(to_unit(to_signed(image)), image)


def test_what_lies_beyond_keeps_its_gradient():
    values = torch.tensor([-3.0, 0.0, 3.0], requires_grad=True)
    to_unit(values).sum().backward()
    assert values.grad is not None and values.grad.tolist() == [0.5, 0.5, 0.5]


def test_pixels_are_clipped_to_what_an_image_holds():
    assert to_pixels(torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0])).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
