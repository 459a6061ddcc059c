"""What a report says, as plain data: the numbers of ``summary.csv`` and where they come from."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from semcom.analog import sends_symbols
from semcom.budget import sends_frames
from semcom.cliff import find_cliff
from semcom.comparable import comparable
from semcom.results import Results, Row
from semcom.scenario import REFERENCE
from semcom.selection import select

__all__ = ["METRICS", "bit_budget", "by_label", "collect", "link_settings"]

Rows = Sequence[dict[str, Any]]

#: column, name, unit, which way is better ("" for neither)
METRICS = (
    ("miou", "mIoU of the received picture", "", "higher"),
    ("miou_map", "mIoU of the received label map", "", "higher"),
    ("accuracy", "Accuracy of the crop classifier", "", "higher"),
    ("frechet_efficientnet_lite0", "Fréchet distance (EfficientNet-Lite0)", "", "lower"),
    ("fid", "FID", "", "lower"),
    ("kid_efficientnet_lite0", "Kernel distance (EfficientNet-Lite0)", "", "lower"),
    ("kid", "KID", "", "lower"),
    ("semantic_information", "Semantic information (SI)", "", "higher"),
    ("psnr_db", "PSNR", "dB", "higher"),
    ("ms_ssim", "MS-SSIM", "", "higher"),
    ("hed_vgg", "HED-VGG perceptual distance", "", "lower"),
    ("bler", "Block error rate of payloads (BLER)", "", "lower"),
)
#: columns that say how a number came about, and are no curve
_ACCOUNTS = {
    *("codec", "label", "group", "label_map", "link", "scorer", "images", "realisations"),
    *("esn0_db", "ebn0_db", "bits_per_pixel", "channel_uses_per_pixel"),
    *("payloads", "payloads_lost", "payloads_undetected", "code_blocks", "block_errors"),
    *("information_bits", "channel_uses"),
}
_FURTHER = {
    "decoder_iterations": ("Decoder iterations per code block", ""),
    "encode_ms": ("Time to encode", "ms"),
    "decode_ms": ("Time to decode", "ms"),
}


def collect(rows: Rows, results: Results, folder: Path) -> dict[str, Any]:
    """All but the pictures of a report on ``rows`` (see :func:`semcom.summary.read_summary`)."""
    rows, reasons = comparable(rows)
    plan = results.run["plan"] if results.run else {}
    scenario = folder / "scenario.yaml"
    text = scenario.read_text(encoding="utf-8", errors="replace") if scenario.is_file() else None
    return {
        "title": plan.get("title") or folder.resolve().name,
        "rows": rows,
        "metrics": [one | {"note": reasons.get(one["column"], "")} for one in _metrics(rows)],
        "transmitters": [
            _transmitter(label, own, results, folder) for label, own in by_label(rows)
        ],
        "provenance": {
            "versions": results.run["versions"] if results.run else {},
            "started": results.run["started"] if results.run else None,
            "run": results.run["id"] if results.run else None,
            "seed": plan.get("seed"),
            "scorer": plan.get("scorer"),
            "data": plan.get("data"),
            "transmitters": [
                {"label": one["label"], "setup": one["setup"], "weights": _weights(one)}
                for one in plan.get("transmitters", [])
            ],
            "scenario": text,
        },
    }


def by_label(rows: Rows) -> list[tuple[str, list[dict[str, Any]]]]:
    """Rows of each transmitter, in the order of first appearance."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["label"], []).append(row)
    return list(found.items())


def link_settings(identity: Row, folder: Path) -> Any:
    """:class:`channels.LinkSettings` from a link's identity, as the run in ``folder`` wrote it.

    Raises ValueError if the link is along a drive whose file is no longer there.
    """
    from channels.settings import LinkSettings

    known = {k: v for k, v in identity.items() if k in LinkSettings.model_fields}
    if known.get("drive") is not None:
        known["drive"] = _drive(known["drive"], folder)
    return LinkSettings.model_validate(known)


def _drive(digest: str, folder: Path) -> str:
    """Name or file of the drive that has this digest."""
    from channels.drives import DRIVES, load_drive
    from semcom.scenario import Scenario

    names = list(DRIVES)
    with contextlib.suppress(FileNotFoundError, ValueError):
        names.append(Scenario.load(folder / "scenario.yaml").link.drive)
    for name in names:
        with contextlib.suppress(FileNotFoundError, ValueError):
            if load_drive(name).digest() == digest:
                return str(name)
    raise ValueError(f"{folder}: the file of the drive that this run was sent along is not there")


def bit_budget(results: Results, label: str, folder: Path) -> dict[str, float] | None:
    """Coded bits per pixel of the transmitter ``label`` by purpose; they add up to all it sends.

    What its packets hold comes first (headers, masks, indices, ...), what the link adds follows
    (padding, CRC, parity), for one attempt. None if nothing of it was coded.
    """
    plan = results.run["plan"] if results.run else {"transmitters": []}
    found = [one for one in plan["transmitters"] if one["label"] == label]
    sent = select(results, plan).get((found[0]["setup"], None)) if found else None
    if not sent:
        return None
    link = None
    identity = found[0].get("link_identity", plan["link"])
    # in a frame, code and modulation differ from block to block
    if identity is not None and not sends_frames(identity) and not sends_symbols(identity):
        from channels.link import Link

        link = Link(link_settings(identity, folder))
    pixels = 0
    bits: dict[str, int] = {}
    added: dict[str, int] = {}
    for encoding in {row["encoding"] for row in sent}:
        pixels += results.encodings[encoding]["pixels"]
        for packet in results.encodings[encoding]["packets"]:
            for part, count in packet["bits"].items():
                # bits that fill up the last byte are no different from those that fill a block
                into = added if part == "padding" else bits
                into[part] = into.get(part, 0) + count
            for part, count in (link.bit_budget(packet["bytes"]) if link else {}).items():
                if part != "payload":
                    added[part] = added.get(part, 0) + count
    if not bits:  # symbols
        return None
    return {part: count / pixels for part, count in (*bits.items(), *added.items())}


def _transmitter(label: str, rows: Rows, results: Results, folder: Path) -> dict[str, Any]:
    cliff = find_cliff([row for row in rows if row["esn0_db"] is not None])
    reference = rows[0]["codec"] == "original" and label == REFERENCE
    return {
        "label": label,
        "group": rows[0]["group"],
        "reference": reference,
        "cliff": None if cliff is None else {"low": cliff.low, "half": cliff.half,
                                             "high": cliff.high},
        "budget": None if reference else bit_budget(results, label, folder),
    }  # fmt: skip


def _metrics(rows: Rows) -> list[dict[str, str]]:
    """Every column that can be drawn, the well-known ones first."""
    measured = [c for c in rows[0] if any(isinstance(r.get(c), int | float) for r in rows)]
    found = [
        {"column": column, "name": name, "unit": unit, "better": better, "kind": "quality"}
        for column, name, unit, better in METRICS
        if column in measured
    ]
    known = {metric["column"] for metric in found} | _ACCOUNTS
    for column in measured:
        if column in known or column.endswith(("_low", "_high", "_vectors")):
            continue
        if column.startswith("iou_"):
            name = "IoU of " + column.removeprefix("iou_").replace("_", " ")
            one = {"name": name, "unit": "", "better": "higher", "kind": "class"}
        elif column.startswith("accuracy_"):
            name = "Accuracy on " + column.removeprefix("accuracy_").replace("_", " ")
            one = {"name": name, "unit": "", "better": "higher", "kind": "class"}
        else:
            name, unit = _FURTHER.get(column, (column.replace("_", " "), ""))
            one = {"name": name, "unit": unit, "better": "", "kind": "further"}
        found.append({"column": column, **one})
    return found


def _weights(transmitter: Row) -> str | None:
    identity = transmitter.get("identity") or {}
    weights = identity.get("codec", {}).get("weights")
    return None if weights is None else str(weights)
