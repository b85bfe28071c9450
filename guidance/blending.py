"""An edit put into its original, with a soft, a hard or a seamless edge; outside the mask nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import LinearOperator, cg, splu
from torch import Tensor

from ..errors import InputError, number_text

FloatArray = NDArray[np.float64]
Solver = Callable[[FloatArray], FloatArray]

MODES = ("feather", "hard", "poisson")
FEATHER = 8
MAX_FEATHER = 256
SOLVED_AT_ONCE = 20_000
"""Unknowns up to which a linear system is solved directly."""
BLOCK, DAMPING = 3, 2.0 / 3.0
HALF = 0.5
_NEIGHBOURS = (
    (np.s_[1:, :], np.s_[:-1, :]),
    (np.s_[:-1, :], np.s_[1:, :]),
    (np.s_[:, 1:], np.s_[:, :-1]),
    (np.s_[:, :-1], np.s_[:, 1:]),
)


def blend(original: Tensor, edited: Tensor, mask: Tensor, mode: str = MODES[0], feather: int = FEATHER) -> Tensor:
    """``edited`` inside the mask and ``original`` (both float [C, H, W] in 0…1) outside it, there bit for bit.

    mask: float [H, W] in 0…1. mode: "feather" lets the edit fade in over ``feather`` pixels from the mask's edge
    inwards, "hard" takes every pixel from one of the two, "poisson" keeps the edit's gradients and lets its colours
    meet those around the mask (Pérez et al., 2003). Raises InputError.
    """
    _check(original, edited, mask, mode, feather)
    weight = mask.clamp(0.0, 1.0)
    if mode == "hard":
        weight = (weight >= HALF).float()
    elif mode == "feather":
        weight = weight * _inwards(weight > 0, feather)
    else:
        edited = _seamless(original, edited, weight > 0)
    mixed = torch.where(weight == 1, edited, original + weight * (edited - original))
    return torch.where(weight > 0, mixed, original)


def _inwards(inside: Tensor, feather: int) -> Tensor:
    """A ramp [H, W] from 0 at the edge of a region to 1 ``feather`` pixels within; the picture's border is no edge."""
    if bool(inside.all()):
        return torch.ones_like(inside, dtype=torch.float32)
    depth = torch.from_numpy(distance_transform_edt(inside.numpy())).float()
    return (depth / (feather + 1)).clamp(0.0, 1.0)


def _seamless(original: Tensor, edited: Tensor, inside: Tensor) -> Tensor:
    """The edit plus the smoothest surface that closes the gap to the original all around a region [H, W]."""
    if bool(inside.all()):
        return edited
    gap = harmonic((original - edited).double(), inside)
    return (edited + gap.to(edited)).clamp(0.0, 1.0)


def harmonic(values: Tensor, inside: Tensor) -> Tensor:
    """``values`` (double [C, H, W]) with each pixel ``inside`` (bool [H, W]) the mean of its neighbours.

    Some pixel must be outside. At the picture's border there is no slope.
    """
    chosen, given = inside.numpy(), values.numpy()
    count = int(chosen.sum())
    number = np.full(chosen.shape, -1)
    number[chosen] = np.arange(count)
    degree, known = np.zeros(count), np.zeros((len(given), count))
    rows, columns = [], []
    for here, there in _NEIGHBOURS:
        own, other = number[here], number[there]
        edge, within = (own >= 0) & (other < 0), (own >= 0) & (other >= 0)
        degree[own[own >= 0]] += 1
        known[:, own[edge]] += given[(slice(None), *there)][:, edge]
        rows.append(own[within])
        columns.append(other[within])
    pair = (np.concatenate(rows), np.concatenate(columns))
    system = diags_array(degree) - coo_array((np.ones(len(pair[0])), pair), shape=(count, count))
    solve = _solver(system.tocsc(), np.argwhere(chosen))
    result = values.clone()
    result[:, inside] = torch.from_numpy(np.stack([solve(each) for each in known]))
    return result


def _solver(system: Any, places: NDArray[np.int64]) -> Solver:
    """What solves ``system``, one unknown at each of the ``places`` [N, 2]: directly, or where that would take long by
    conjugate gradients with smoothed aggregation (Vaněk et al., 1996) of blocks of BLOCK × BLOCK places.
    """
    if system.shape[0] <= SOLVED_AT_ONCE:
        direct: Solver = splu(system).solve
        return direct
    cycle = LinearOperator(system.shape, matvec=_cycle(system, places), dtype=np.float64)
    return lambda known: np.asarray(cg(system, known, M=cycle)[0])


def _cycle(system: Any, places: NDArray[np.int64]) -> Solver:
    """One V-cycle: smooth, correct by the coarser system, smooth again."""
    if system.shape[0] <= SOLVED_AT_ONCE:
        return _solver(system, places)
    blocks, member = np.unique(places // BLOCK, axis=0, return_inverse=True)
    count = system.shape[0]
    smooth = diags_array(DAMPING / system.diagonal())
    joined = coo_array((np.ones(count), (np.arange(count), member.ravel())), shape=(count, len(blocks))).tocsc()
    spread = joined - smooth @ system @ joined
    coarse = _cycle((spread.T @ system @ spread).tocsc(), blocks)

    def cycle(rest: FloatArray) -> FloatArray:
        found = smooth @ rest
        found = found + spread @ coarse(spread.T @ (rest - system @ found))
        return np.asarray(found + smooth @ (rest - system @ found))

    return cycle


def _check(original: Tensor, edited: Tensor, mask: Tensor, mode: str, feather: int) -> None:
    if edited.shape != original.shape:
        raise InputError(
            f"The edited image is {list(edited.shape)} and the original {list(original.shape)}"
            " (bands, height, width); give two of the same shape."
        )
    if tuple(mask.shape) != tuple(original.shape[-2:]):
        raise InputError(
            f"The mask is {list(mask.shape)}, not {list(original.shape[-2:])}; give one of the image's size."
        )
    for name, values in (("original", original), ("edited image", edited), ("mask", mask)):
        if not bool(torch.isfinite(values).all()):
            raise InputError(f"The {name} holds NaN or infinite values; fill them with numbers first.")
        if values is not mask and (float(values.min()) < 0.0 or float(values.max()) > 1.0):
            raise InputError(f"The {name} has values outside 0…1; scale them into it first.")
    if mode not in MODES:
        raise InputError(f"There is no blend mode '{mode}'; choose one of {', '.join(MODES)}.")
    if not 0 <= feather <= MAX_FEATHER:
        raise InputError(f"A feather of {number_text(feather)} px cannot be made; choose 0 to {MAX_FEATHER}.")
