"""What the pages take from the project itself: settings, commands, scenarios, results.

A line ``<!-- name -->`` of a page is replaced by what the function ``name`` here returns, so the
pages cannot tell anything else than the code.
"""

from __future__ import annotations

import csv
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]


def on_files(files: Files, config: Any) -> Files:
    """Figures of the kept results stand beside the pages."""
    for figure in sorted(ROOT.glob("results/*/*.png")):
        uri = f"figures/results/{figure.parent.name}/{figure.name}"
        files.append(File.generated(config, uri, abs_src_path=str(figure)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in the page's placeholders."""
    return re.sub(r"^<!-- (\w+) -->$", lambda found: PARTS[found[1]](), markdown, flags=re.M)


def settings() -> str:
    """Every key of a scenario, from its JSON schema."""
    from semcom.scenario_schema import json_schema

    schema = json_schema()
    sections = [("A scenario", "", schema)] + [
        (key, text, _definition(schema, name))
        for key, text, name in (
            ("data", "Which pictures are sent.", "DataSettings"),
            ("segmenter", "Who makes and who scores label maps.", "SegmenterSettings"),
            ("transmitters", "A list: a codec each, or several points of one.", "Transmitter"),
            ("sweep", "Where the link is simulated.", "Sweep"),
            ("link", "The digital link, or `none` for source coding alone.", "link"),
            ("link.budget", "Channel uses in place of rate and modulation.", "budget_link.Budget"),
            ("transmitters.camera", "A worse camera.", "Camera"),
            ("transmitters.link", "What is its own of the link.", "OwnLink"),
            (
                "transmitters.link.good_enough",
                "When the receiver asks for no more of a picture.",
                "GoodEnough",
            ),
            ("transmitters.allocation", "How a transmitter uses the budget.", "allocation"),
        )
    ]
    return "\n".join(
        f"## {title}\n\n{text}\n\n{_table(part, schema)}\n" for title, text, part in sections
    )


def codecs() -> str:
    """Settings of every codec; codecs with the same settings share a table."""
    from semcom.codecs import CODECS
    from semcom.scenario_schema import json_schema

    schema = json_schema()
    tables: dict[str, list[str]] = {}
    for name in CODECS:
        table = _table(_definition(schema, f"{name}.settings"), schema)
        tables.setdefault(table, []).append(name)
    return "\n".join(
        f"### {', '.join(f'`{name}`' for name in names)}\n\n"
        + "\n".join(f"- `{name}`: {_first_line(CODECS[name])}" for name in names)
        + f"\n\n{table}\n"
        for table, names in tables.items()
    )


def channels() -> str:
    """Codes, modulations and channel models, a line each."""
    from channels import CHANNELS, CODES, MODULATIONS

    parts = []
    for title, options in (("code", CODES), ("modulation", MODULATIONS), ("channel", CHANNELS)):
        rows = "\n".join(f"| `{name}` | {_cell(text)} |" for name, text in options.items())
        parts.append(f"### {title}\n\n| name | |\n| --- | --- |\n{rows}\n")
    return "\n".join(parts)


def metrics() -> str:
    """Every metric and its columns."""
    from semcom.metrics import METRICS

    rows = "\n".join(
        f"| `{name}` | {_cell(_first_line(metric))} |" for name, metric in METRICS.items()
    )
    return f"| metric | |\n| --- | --- |\n{rows}"


def scenarios() -> str:
    """The opening comment of every scenario that comes with the project."""
    parts = []
    for path in sorted((ROOT / "scenarios").glob("*.yaml")):
        lines = []
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                break
            lines.append(line[1:].removeprefix(" "))
        title, text = lines[0].rstrip("."), "\n".join(lines[1:]).strip("\n")
        parts.append(f"### {path.stem}\n\n{title}.\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def commands() -> str:
    """Every command with its arguments and options."""
    import typer.main

    from semcom.cli import app

    return "\n".join(_command(typer.main.get_command(app), ["semcom"]))


def _command(command: Any, path: list[str]) -> Iterator[str]:
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from _command(inner, [*path, name])
        return
    shown = [p for p in command.params if p.name != "help"]
    words = [_usage(parameter) for parameter in shown]
    usage = textwrap.fill(" ".join([*path, *words]), 76, subsequent_indent="    ")
    yield f"## {' '.join(path)}\n\n```text\n{usage}\n```\n"
    yield re.sub(r"\s*\n\s*\n\s*", "\n\n", command.help or "") + "\n"
    rows = [
        f"| `{_name(p)}` | {_cell(getattr(p, 'help', None) or '')} | {_default(p)} |" for p in shown
    ]
    if rows:
        yield "| | | default |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n"


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    return ", ".join([*parameter.opts, *parameter.secondary_opts])


def _usage(parameter: Any) -> str:
    name = _name(parameter).split(", ")[0]
    if parameter.param_type_name == "option" and not parameter.is_flag:
        name += f" {parameter.metavar or parameter.name.upper()}"
    return name if parameter.required else f"[{name}]"


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    if parameter.param_type_name == "option" and parameter.is_flag:
        return f"`{(parameter.opts if value else parameter.secondary_opts or ['off'])[0]}`"
    return "" if value is None or callable(value) else f"`{value}`"


def results() -> str:
    """Kept results: figures, and a table of what each transmitter does without a channel."""
    parts = []
    for folder in sorted((ROOT / "results").iterdir()):
        if not (folder / "summary.csv").exists():
            continue
        parts.append(f"## {folder.name}\n\nMade by `scenarios/{folder.name}.yaml`.\n")
        parts += [
            f"![{figure.stem}](figures/results/{folder.name}/{figure.name})\n"
            for figure in sorted(folder.glob("*.png"))
        ]
        parts.append(_measured(folder / "summary.csv"))
    return "\n".join(parts)


def _measured(path: Path) -> str:
    columns = {
        "label": "transmitter",
        "bits_per_pixel": "bits / pixel",
        "miou": "mIoU",
        "miou_map": "mIoU of the map",
        "accuracy": "accuracy",
        "semantic_information": "SI",
        "frechet_efficientnet_lite0": "Fréchet distance",
        "psnr_db": "PSNR dB",
        "ms_ssim": "MS-SSIM",
        "hed_vgg": "HED-VGG distance",
    }
    digits = {"bits_per_pixel": 4, "frechet_efficientnet_lite0": 0, "psnr_db": 1}
    with path.open(newline="", encoding="utf-8") as file:
        every = list(csv.DictReader(file))
    rows = [row for row in every if not row["esn0_db"]]
    if all(row["codec"] == "original" for row in rows):
        return _in_budgets(every)
    shown = {n: title for n, title in columns.items() if any(row.get(n) for row in rows)}

    def cell(row: dict[str, str], name: str) -> str:
        text = row[name]
        if not text or name == "label":
            return text
        value = f"{float(text):.{digits.get(name, 3)}f}"
        low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
        if low and high:
            value += f" ({float(low):.3f} to {float(high):.3f})"
        return value

    lines = [" | ".join(cell(row, name) for name in shown) for row in rows]
    head = " | ".join(shown.values())
    return (
        "Without channel errors, that is, at every SNR above the cliff:\n\n"
        f"| {head} |\n|{' --- |' * len(shown)}\n"
        + "\n".join(f"| {line} |" for line in lines)
        + "\n"
    )


def denoising() -> str:
    """What is received through a noisy camera."""
    return _measured(ROOT / "results" / "denoising" / "summary.csv")


def superresolution() -> str:
    """What is received through a camera of half the resolution."""
    return _measured(ROOT / "results" / "superresolution" / "summary.csv")


def layered() -> str:
    """The layered codec by rate and by share, and conventional codecs."""
    return _measured(ROOT / "results" / "layered" / "summary.csv")


def layered_concepts() -> str:
    """The layered codec with one quantisation level and with one for every class."""
    return _measured(ROOT / "results" / "layered_concepts" / "summary.csv")


def rank_correlation() -> str:
    """How well SI orders codecs and rates as other scores do, from the kept results."""
    from scipy.stats import spearmanr

    path = ROOT / "results" / "seed_systems" / "summary.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["codec"] != "original"]
    lines = []
    for column, title in (
        ("accuracy", "accuracy"),
        ("miou", "mIoU"),
        ("ms_ssim", "MS-SSIM"),
        ("psnr_db", "PSNR"),
    ):
        found = spearmanr(
            [float(row["semantic_information"]) for row in rows],
            [float(row[column]) for row in rows],
        )
        lines.append(f"| {title} | {found.statistic:.3f} |")
    head = f"| SI against | Spearman over {len(rows)} codecs and rates |\n| --- | --- |\n"
    return head + "\n".join(lines)


def _in_budgets(rows: list[dict[str, str]]) -> str:
    """mIoU of each transmitter by Es/N0, where a budget decided what it sends."""
    points = sorted({float(row["esn0_db"]) for row in rows if row["esn0_db"]})
    found: dict[str, dict[float, str]] = {}
    for row in rows:
        if row["esn0_db"]:
            found.setdefault(row["label"], {})[float(row["esn0_db"])] = f"{float(row['miou']):.3f}"
    lines = [
        " | ".join([label, *(own.get(point, "") for point in points)])
        for label, own in found.items()
    ]
    head = " | ".join(["transmitter", *(f"{point:g} dB" for point in points)])
    return (
        f"mIoU by Es/N0:\n\n| {head} |\n|{' --- |' * (len(points) + 1)}\n"
        + "\n".join(f"| {line} |" for line in lines)
        + "\n"
    )


def _definition(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return dict(schema["$defs"][name])


def _table(part: dict[str, Any], schema: dict[str, Any], above: str = "") -> str:
    lines = [] if above else ["| key | values | default | |", "| --- | --- | --- | --- |"]
    required = part.get("required", [])
    for key, field in part.get("properties", {}).items():
        default = "required" if key in required else _shown(field.get("default"))
        inner = _inner(field, schema)
        name = f"{above}{key}"
        text = _cell(field.get("description", ""))
        if inner is not None:
            lines.append(f"| `{name}` | a mapping | | {text} |")
            lines.append(_table(inner, schema, f"{name}."))
        else:
            lines.append(f"| `{name}` | {_kind(field)} | {default} | {text} |")
    if len(lines) == 2:
        return "No settings."
    return "\n".join(lines)


def _inner(field: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any] | None:
    """The nested settings of a codec or link; the scenario's own parts have sections."""
    for option in [field, *field.get("anyOf", []), *field.get("allOf", [])]:
        name = option.get("$ref", "").removeprefix("#/$defs/")
        if "." in name or name == "Stop":
            return _definition(schema, name)
    return None


def _kind(field: dict[str, Any]) -> str:
    options = field.get("anyOf") or field.get("allOf") or [field]
    shown = [text for option in options if (text := _one_kind(option))]
    return " or ".join(dict.fromkeys(shown)) or "any"


def _one_kind(option: dict[str, Any]) -> str:
    if "enum" in option:
        return ", ".join(f"`{value}`" for value in option["enum"])
    if "const" in option:
        return f"`{option['const']}`"
    if "$ref" in option:
        name = option["$ref"].removeprefix("#/$defs/")
        own = {"Range": "`{start, stop, step}`", "link": "see [link](#link)"}
        sections = {
            "DataSettings": "data",
            "SegmenterSettings": "segmenter",
            "Sweep": "sweep",
            "Camera": "transmitterscamera",
        }
        if name in sections:
            return f"see [{name.removesuffix('Settings').lower()}](#{sections[name]})"
        return own.get(name) or name.lower()
    kind = option.get("type", "")
    if kind == "null":
        return ""
    if kind == "array":
        items = option.get("items", {})
        if items.get("$ref", "").endswith("/Transmitter"):
            return "a list, see [transmitters](#transmitters)"
        return f"a list of {_kind(items)}" if items else "a list"
    words = {"integer": "whole number", "number": "number", "string": "text", "object": "a mapping"}
    text = {"boolean": "`true`, `false`"}.get(kind, words.get(kind, kind))
    limits = [
        f"{word} {option[key]:g}"
        for key, word in (
            ("minimum", "from"),
            ("exclusiveMinimum", "above"),
            ("maximum", "to"),
            ("exclusiveMaximum", "below"),
        )
        if key in option and abs(option[key]) < 1e15
    ]
    return " ".join([text, *limits])


def _shown(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, dict):
        value = "{" + ", ".join(f"{k}: {v}" for k, v in value.items()) + "}"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _first_line(documented: Any) -> str:
    return (documented.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")


PARTS: dict[str, Callable[[], str]] = {
    part.__name__: part
    for part in (
        settings,
        codecs,
        channels,
        metrics,
        scenarios,
        commands,
        results,
        rank_correlation,
        denoising,
        superresolution,
        layered,
        layered_concepts,
    )
}
