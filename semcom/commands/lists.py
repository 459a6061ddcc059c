"""``semcom codecs``, ``channels`` and ``version``: what there is to choose from."""

from __future__ import annotations

from typing import Any

__all__ = ["channels", "codecs", "version"]


def codecs() -> None:
    """List the codecs and their settings."""
    from semcom.codecs import CODECS

    for name, codec in CODECS.items():
        print(f"{name}: {_first_line(codec)}")
        for setting, field in codec.Settings.model_fields.items():
            default = "required" if field.is_required() else f"default {field.get_default()}"
            print(f"    {setting} ({default}): {field.description}")


def _first_line(documented: Any) -> str:
    return (documented.__doc__ or "").strip().splitlines()[0]


def channels() -> None:
    """List channel codes, modulations and channel models, and the settings of a link."""
    from channels import CHANNELS, CODES, MODULATIONS, LinkSettings
    from channels.settings import OfdmSettings

    for title, options in (
        ("code", CODES),
        ("modulation", MODULATIONS),
        ("channel", CHANNELS),
    ):
        print(title)
        for name, text in options.items():
            print(f"    {name}: {text}")
    for title, model in (("settings of a link", LinkSettings), ("its ofdm", OfdmSettings)):
        print(title)
        for setting, field in model.model_fields.items():
            default = "required" if field.is_required() else f"default {field.get_default()}"
            print(f"    {setting} ({default}): {field.description}")


def version() -> None:
    """Print the versions of what makes the numbers."""
    from semcom.plan import versions

    for name, number in versions().items():
        print(f"{name} {number}")
