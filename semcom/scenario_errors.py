"""What to say about a mistake in a scenario: file, line, column, and the nearest valid name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from semcom.yaml_source import YamlSource

__all__ = ["ScenarioError", "explain", "first_mistake", "known_name"]


class ScenarioError(ValueError):
    """One or more mistakes in a scenario; ``problems`` holds a sentence for each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        super().__init__(self.problems[0] + more)


def known_name(name: str, names: Iterable[str], kind: str) -> str:
    """``name`` if it is one of ``names``; else ValueError with the nearest of them.

    >>> known_name("jpeg200", ["jpeg2000", "bpg"], "codec")
    Traceback (most recent call last):
    ValueError: there is no codec 'jpeg200'; did you mean 'jpeg2000'? There are bpg, jpeg2000
    """
    names = sorted(names)
    if name in names:
        return name
    raise ValueError(
        f"there is no {kind} {name!r}{_nearest(name, names)} There are {', '.join(names)}"
    )


def _nearest(name: str, names: Iterable[str]) -> str:
    match = get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {match[0]!r}?" if match else "."


def explain(
    error: ValidationError, source: YamlSource, model: type[BaseModel] | None = None
) -> ScenarioError:
    """Every mistake in ``error`` at its place in ``source``, in the order of the file.

    ``model`` is what the file was read as; left out: a scenario. What is missing comes last: a
    misspelt key explains it better.
    """
    details = _joined(error.errors(), source)
    problems = sorted(_problem(detail, source, model) for detail in details)
    return ScenarioError(dict.fromkeys(text for *_, text in problems))


def _joined(details: Iterable[Any], source: YamlSource) -> list[dict[str, Any]]:
    """One detail for what pydantic says of each branch of a value that may be of several kinds."""
    found: dict[Any, dict[str, Any]] = {}
    for detail in details:
        place = tuple(detail["loc"])
        if detail["type"] in ("missing", "extra_forbidden") or place in source.values:
            found[place, detail["msg"]] = {**detail, "loc": place}
            continue
        while place and place not in source.values:  # the name of a branch
            place = place[:-1]
        known = found.setdefault(place, {**detail, "loc": place, "msg": ""})
        if known["msg"]:
            known["type"] = "several"
            known["msg"] += " or " + detail["msg"].removeprefix("Input should be ")
        else:
            known["msg"] = detail["msg"]
    # a list whose items are refused is called too short, besides
    places = {detail["loc"] for detail in found.values()}
    return [
        detail
        for detail in found.values()
        if detail["type"] != "too_short"
        or not any(p[:-1][: len(detail["loc"])] == detail["loc"] for p in places)
    ]


def first_mistake(error: ValidationError, data: Any, within: tuple[str | int, ...] = ()) -> str:
    """A mistake in ``error`` without its place in the file, unknown keys before all others.

    ``data`` is a scenario, ``within`` the place in it of what was refused.
    """
    details = sorted(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
    return _sentence(details[0], data, within)


def _problem(
    detail: Any, source: YamlSource, model: type[BaseModel] | None
) -> tuple[bool, int, int, str]:
    """Whether something is missing, line, column and sentence of one pydantic error."""
    kind, location = detail["type"], tuple(detail["loc"])
    position = source.where(location, key=kind == "extra_forbidden")
    sentence = _sentence(detail, source.data, model=model)
    text = f"{source.name}:{position.line}:{position.column}: {sentence}"
    return kind == "missing", position.line, position.column, " ".join(text.split())


def _sentence(
    detail: Any,
    data: Any,
    within: tuple[str | int, ...] = (),
    model: type[BaseModel] | None = None,
) -> str:
    """One pydantic error in words; its place is one ``within`` a place in a scenario's ``data``."""
    location = tuple(detail["loc"])
    kind, message, value = detail["type"], detail["msg"], detail["input"]
    last = str(location[-1]) if location else ""
    named = ".".join(str(part) for part in location)
    if kind == "extra_forbidden":
        names = _names_at((*within, *location[:-1]), data, model)
        known = f" Known here: {', '.join(names)}" if names else ""
        return f"unknown key {last!r}{_nearest(last, names)}{known}"
    if kind == "missing" and isinstance(location[-1], int):
        return f"{'.'.join(map(str, location[:-1]))} has too few values"
    if kind == "missing":
        return f"{last!r} is missing"
    if kind == "too_short":
        return f"{last!r} is empty: it needs at least {detail['ctx']['min_length']}"
    if kind == "too_long":
        return f"{named} has {len(value)} values: it takes {detail['ctx']['max_length']}"
    message = re.sub(r"^(Value|Assertion) error, ", "", message)
    options = re.fullmatch(r"unknown \w+ '(.+)': choose one of (.+)", message)
    if options:
        return message + _nearest(options[1], options[2].split(", ")).removesuffix(".")
    wanted = re.match(r"\w+ (should (?:be|have) .+)", message)
    if wanted is None or kind == "value_error":
        return str(message)
    if value is None:
        return f"{named} is empty: it {_plainly(wanted[1])}"
    allowed = re.findall(r"'([^']+)'", message) if kind == "literal_error" else []
    hint = _nearest(str(value), allowed) if allowed else ""
    if isinstance(value, list) and "settings" in location:
        hint = "; several values go under `vary`"
    return f"{named} {_plainly(wanted[1])}, not {value!r}" + (hint if hint != "." else "")


#: what pydantic calls things, and what an author of YAML does
_WORDS = {
    r"a valid dictionary(?: or instance of \w+)?": "a mapping",
    r"a valid (?:tuple|list)": "a list",
    r"a valid string": "text",
    r", unable to parse string as an? \w+": "",
}


def _plainly(message: str) -> str:
    for theirs, ours in _WORDS.items():
        message = re.sub(theirs, ours, message)
    return message


def _names_at(
    location: tuple[str | int, ...], data: Any, model: type[BaseModel] | None
) -> list[str]:
    """Names of the settings that the mapping at ``location`` may hold."""
    from channels import LinkSettings
    from semcom.budget.settings import Allocation, BudgetLinkSettings
    from semcom.codecs import CODECS
    from semcom.scenario import Scenario, Transmitter

    model = model or Scenario
    for part in location:
        if isinstance(part, str) and model is not None:
            if model is Scenario and part == "link":
                model = BudgetLinkSettings if "budget" in data["link"] else LinkSettings
            elif model is Transmitter and part == "settings":
                model = CODECS[data["codec"]].Settings
            elif model is Transmitter and part == "allocation":
                model = Allocation
            else:
                field = model.model_fields.get(part)
                model = _model_in(field.annotation) if field else None
        data = data[part]
    names = set(model.model_fields) if model is not None else set()
    return sorted(names | {"budget"} if location == ("link",) else names)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The first model inside an annotation such as ``tuple[Model, ...]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(part) for part in getattr(annotation, "__args__", ()))
    return next((model for model in found if model is not None), None)
