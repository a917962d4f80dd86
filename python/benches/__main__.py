"""Our speed beside our peers', in one run: `make bench`.

Ratios count, absolutes do not: the machine is noisy. Every row asserts that what it timed was recorded.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["LLMLAB_HOME"] = home
        import calls
        import instrumented
        import processes

        print(f"{'':52} {'llmlab':>12} {'budget':>12}   peers, and how many times ours")
        missed = []
        for source in (calls.rows(), instrumented.rows(calls.RESPONSE), processes.rows()):
            for row in source:
                peers = [f"{name} {figure(value)}{ratio(value, row.ours)}" for name, value in row.peers.items()]
                sign = " " if row.within_budget else "✗"
                bound = ("≥ " if row.more_is_better else "≤ ") + figure(row.budget)
                print(
                    f"{row.name:52} {figure(row.ours):>9} {row.unit:<5}{bound:>9} {sign}   {', '.join(peers)}",
                    flush=True,
                )
                if not row.within_budget:
                    missed.append(row.name.strip())
        shutil.rmtree(Path(home) / "spool", ignore_errors=True)
    print(f"\noutside their budget: {', '.join(missed)}" if missed else "\nevery row is inside its budget")


def ratio(theirs: float, ours: float) -> str:
    return f" ({theirs / ours:.1f}×)" if ours > 0 else ""


def figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
