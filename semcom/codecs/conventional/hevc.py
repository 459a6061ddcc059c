"""One HEVC intra picture (ITU-T H.265) as slice data alone.

The parameter sets depend on nothing but the picture size, so the receiver writes them itself; what
crosses the link is the slice segment after its two-byte NAL unit header, whose type is always
IDR_N_LP.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

import numpy as np

from semcom.codecs.conventional.ycbcr import from_planes, planes_of_frame, to_planes

__all__ = ["HIGHEST_QP", "compress", "decompress", "library"]

HIGHEST_QP = 51

_START_CODE = b"\0\0\0\1"
_IDR_N_LP, _VPS, _SPS, _PPS = 20, 32, 33, 34
_SMALLEST_SIDE = 16
#: what ``bpgenc`` asks x265 for where it is given no level (libbpg 0.9.8, level 8)
_PRESET = "veryslow"
#: constant QP for the intra picture, tuned for squared error, reproducible on any core count
_X265 = (
    "keyint=1:ipratio=1:aq-mode=0:psy-rd=0:psy-rdoq=0:info=0:hash=0:repeat-headers=1"
    ":pools=none:frame-threads=1:wpp=0:log-level=none"
)


def library() -> str:
    """What codes and decodes, and the version of the latter."""
    import av

    return f"x265 {_PRESET}, libavcodec {'.'.join(map(str, av.library_versions['libavcodec']))}"


def compress(image: np.ndarray, qp: int) -> bytes:
    """Code ``image`` [H, W, 3] uint8 at quantiser ``qp`` (0..51) into one slice segment."""
    slices = [nal[2:] for nal in _encode(_padded(image), qp) if _nal_type(nal) == _IDR_N_LP]
    if len(slices) != 1:
        raise ValueError(f"x265 wrote {len(slices)} slices where 1 was asked for")
    return slices[0]


def decompress(data: bytes, size: tuple[int, int]) -> np.ndarray:
    """Decode the slice segment of a picture of ``size`` (H, W) to [H, W, 3] uint8.

    :raises ValueError: if ``data`` does not give exactly one picture of that size
    """
    import av

    height, width = _padded_size(size)
    slice_nal = bytes([_IDR_N_LP << 1, 1]) + data
    if any(code in data for code in (b"\0\0\0", b"\0\0\1", b"\0\0\2")):
        raise ValueError("the slice holds a start code")
    decoder = av.VideoCodecContext.create("hevc", "r")
    decoder.thread_count = 1
    stream = b"".join(_START_CODE + nal for nal in (*_parameter_sets(height, width), slice_nal))
    frames = [*decoder.decode(av.Packet(stream)), *decoder.decode(None)]
    sizes = [(frame.height, frame.width) for frame in frames if not frame.is_corrupt]
    if sizes != [(height, width)]:
        raise ValueError("the slice does not give one whole picture")
    return from_planes(planes_of_frame(frames[0]))[: size[0], : size[1]]


@lru_cache(maxsize=16)
def _parameter_sets(height: int, width: int) -> tuple[bytes, ...]:
    """VPS, SPS and PPS of every picture of this (padded) size, from coding a grey one."""
    nals = _encode(np.full((height, width, 3), 128, np.uint8), HIGHEST_QP)
    return tuple(nal for nal in nals if _nal_type(nal) in (_VPS, _SPS, _PPS))


def _encode(image: np.ndarray, qp: int) -> list[bytes]:
    """NAL units of ``image``, sides even and at least 16, without start codes."""
    import av

    height, width = image.shape[:2]
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, samples in zip(frame.planes, to_planes(image), strict=True):
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        rows[:, : plane.width] = samples
        plane.update(rows.tobytes())
    frame.pts = 0
    encoder = av.VideoCodecContext.create("libx265", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
    encoder.options = {"preset": _PRESET, "x265-params": f"qp={qp}:{_X265}"}
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    stream = b"".join(bytes(packet) for packet in packets)
    return [nal for nal in re.split(b"\0{2,3}\1", stream) if nal]


def _nal_type(nal: bytes) -> int:
    return nal[0] >> 1 & 63


def _padded_size(size: tuple[int, int]) -> tuple[int, int]:
    """4:2:0 needs even sides, x265 at least one block."""
    height, width = (max(_SMALLEST_SIDE, side + side % 2) for side in size)
    return height, width


def _padded(image: np.ndarray) -> np.ndarray:
    height, width = _padded_size((image.shape[0], image.shape[1]))
    below, right = height - image.shape[0], width - image.shape[1]
    return np.pad(image, ((0, below), (0, right), (0, 0)), mode="edge")
