"""Speeds and sizes, measured by hand: `python -m tests.bench [NAME...]`, on Linux.

Ratios are of runs that take turns (bare, ours, bare, ours, ...), so that what else the machine
does weighs on both. Nothing here is collected by pytest: a timed test would fail by chance.
"""
