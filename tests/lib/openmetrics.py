# SPDX-License-Identifier: BSD-2-Clause
"""A strict reader of the part of OpenMetrics 1.0.0 that rumpkit writes.

parse(text) returns {family: (type, help, {labels: value})} and raises
ValueError for whatever the specification does not allow, or allows but rumpkit
has no use for.
"""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
META = re.compile(rf"# (TYPE|HELP) ({NAME}) (.+)")
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\d+)")
TYPES = {"counter", "gauge"}
RESERVED = "_total", "_created"  # behind the name of a counter


def need(condition, number, text):
    if not condition:
        raise ValueError(f"line {number}: {text}")


class Reader:
    def __init__(self):
        self.families = {}
        self.current = None
        self.meta = {}

    def begin(self, number, name):
        """Another family: it must be new, and the last one complete."""
        self.end(number)
        need(name not in self.families, number, f"{name} comes twice")
        self.current, self.meta, self.families[name] = name, {}, None

    def end(self, number):
        if self.current is None:
            return
        need(self.families[self.current] is not None, number,
             f"{self.current} has no sample")

    def take_meta(self, number, kind, name, value):
        if name != self.current:
            self.begin(number, name)
        need(kind not in self.meta, number, f"second {kind} of {name}")
        need(self.families[name] is None, number, f"{kind} behind a sample")
        if kind == "TYPE":
            need(value in TYPES, number, f"type {value}")
        else:
            need("\\" not in value, number, "an escape in HELP")
        self.meta[kind] = value

    def take_sample(self, number, name, labels, value):
        need(set(self.meta) == {"TYPE", "HELP"}, number,
             f"{name} without TYPE and HELP")
        suffix = "_total" if self.meta["TYPE"] == "counter" else ""
        need(name == self.current + suffix, number,
             f"{name} in family {self.current} of type {self.meta['TYPE']}")
        if self.families[self.current] is None:
            self.families[self.current] = (self.meta["TYPE"],
                                           self.meta["HELP"], {})
        samples = self.families[self.current][2]
        need(labels not in samples, number, f"{name}{{{labels}}} twice")
        need(labels is not None or not samples, number,
             "labels and none in one family")
        samples[labels] = int(value)
        need(int(value) < 2 ** 64, number, "a value of more than 64 bits")


def parse(text):
    if not text.endswith("# EOF\n"):
        raise ValueError("no # EOF at the end")
    reader, lines = Reader(), text.split("\n")
    for number, line in enumerate(lines[:-2], 1):
        meta, sample = META.fullmatch(line), SAMPLE.fullmatch(line)
        need(meta or sample, number, f"neither meta nor sample: {line!r}")
        if meta:
            reader.take_meta(number, *meta.groups())
        else:
            reader.take_sample(number, *sample.groups())
    reader.end(len(lines))
    for name, (kind, _, _) in reader.families.items():
        for suffix in RESERVED if kind == "counter" else ():
            need(name + suffix not in reader.families, len(lines),
                 f"{name + suffix} is {name}'s")
    return reader.families
