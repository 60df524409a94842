#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A file on an export, changed at random in every way that there is.

churn compares each step with what memory says; afterwards the server's file is
compared, too.  CHURN_SEED in the environment runs one seed, CHURN_STEPS more
steps.
"""
import filecmp
import functools
import os
import sys

import harness

CHURN = os.environ["CHURN"]
STEPS = os.environ.get("CHURN_STEPS", "1500")


def churn(seed, options, directory, server):
    name = f"file{seed}{abs(hash(options))}"
    out = harness.rumpkit(
        [CHURN, f"{harness.MOUNT}/{name}", str(seed), STEPS],
        [(harness.MOUNT, server.url(options))], timeout=300)
    harness.check(out.returncode == 0, f"seed {seed}, {STEPS} steps: {out}")
    harness.check(filecmp.cmp(f"{directory}/{name}",
                              f"{directory}/{name}.want", shallow=False),
                  f"seed {seed}: the server's file differs")


def main():
    try:
        harness.need_root()
    except harness.Skip as reason:
        print(f"1..0 # SKIP {reason}")
        return 0

    def prepare(directory):
        os.chmod(directory, 0o777)
    with harness.export(prepare) as (directory, server):
        seeds = [int(os.environ["CHURN_SEED"])] \
            if "CHURN_SEED" in os.environ else range(1, 9)
        cases = [(f"seed {seed}", functools.partial(
            churn, seed, "", directory, server)) for seed in seeds]
        cases += [(f"seed {seed} with small transfers", functools.partial(
            churn, seed, "&rsize=4096&wsize=8192", directory, server))
            for seed in list(seeds)[:3]]
        cases += [(f"seed {seed} over UDP", functools.partial(
            churn, seed, "&udp", directory, server))
            for seed in list(seeds)[:2]]
        return harness.run(cases)


if __name__ == "__main__":
    sys.exit(main())
