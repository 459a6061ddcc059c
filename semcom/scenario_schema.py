"""JSON schema of scenario files, for editors that complete and check YAML."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

__all__ = ["json_schema"]


def json_schema() -> dict[str, Any]:
    """JSON schema of a scenario file, settings of every codec and of the link included."""
    from channels import LinkSettings
    from semcom.budget.settings import Allocation, BudgetLinkSettings
    from semcom.codecs import CODECS
    from semcom.scenario import Scenario

    schema = Scenario.model_json_schema()
    definitions = schema["$defs"]

    def define(name: str, model: type[BaseModel]) -> dict[str, str]:
        own = model.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
        for inner, body in own.pop("$defs", {}).items():
            definitions[f"{name}.{inner}"] = body
        definitions[name] = own
        return {"$ref": f"#/$defs/{name}"}

    transmitter = definitions["Transmitter"]
    transmitter["properties"]["codec"]["enum"] = sorted(CODECS)
    transmitter["properties"]["allocation"]["anyOf"] = [
        define("allocation", Allocation),
        {"type": "null"},
    ]
    transmitter["properties"]["allocation"].pop("type", None)
    transmitter["allOf"] = [
        {
            "if": {
                "properties": {"codec": {"const": name}},
                "not": {"anyOf": [{"required": ["vary"]}, {"required": ["allocation"]}]},
            },
            "then": {
                "properties": {"settings": define(f"{name}.settings", codec.Settings)},
                "required": ["settings"] * _needed(codec.Settings),
            },
        }
        for name, codec in sorted(CODECS.items())
    ]
    numbers = {"anyOf": [{"type": "number"}, {"$ref": "#/$defs/Range"}]}
    definitions["Range"] = {
        "type": "object",
        "properties": {key: {"type": "number"} for key in ("start", "stop", "step")},
        "required": ["start", "stop", "step"],
        "additionalProperties": False,
    }
    esn0 = definitions["Sweep"]["properties"]["esn0_db"]
    for key in ("type", "items"):
        esn0.pop(key, None)
    esn0["anyOf"] = [*numbers["anyOf"], {"type": "array", "items": numbers}, {"const": "auto"}]
    schema["properties"]["link"]["anyOf"] = [
        define("link", LinkSettings),
        define("budget_link", BudgetLinkSettings),
        {"const": "none"},
        {"type": "null"},
    ]
    return schema


def _needed(settings: type[BaseModel]) -> bool:
    return any(field.is_required() for field in settings.model_fields.values())
