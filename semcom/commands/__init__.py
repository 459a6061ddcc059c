"""Commands of ``semcom``, a module each; :mod:`semcom.cli` registers them.

Heavy imports stand inside the functions, so that ``--help`` is quick.
"""
