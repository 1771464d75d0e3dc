"""Runs the judges: every *_judge.py in this folder, each a module with @case functions.
Usage: run.py [WORD]   only the files or cases whose name contains WORD"""
import concurrent.futures
import importlib
import os
import pathlib
import sys
import time
import traceback

import judge

HERE = pathlib.Path(__file__).parent
AT_ONCE = 4


def run_case(case):
    begun = time.monotonic()
    try:
        case.function()
        return case, "passed", "", time.monotonic() - begun
    except judge.Skip as why:
        return case, "skipped", str(why), time.monotonic() - begun
    except AssertionError as why:
        text = str(why) or traceback.format_exc(limit=-3)
        return case, "failed", text, time.monotonic() - begun
    except BaseException:  # a judge that breaks has not judged
        return case, "failed", traceback.format_exc(limit=-6), time.monotonic() - begun


def main(word):
    sys.path.insert(0, str(HERE))
    for path in sorted(HERE.glob("*_judge.py")):
        importlib.import_module(path.stem)
    cases = [c for c in judge.cases if word in c.module or word in c.name]
    count = {"passed": 0, "failed": 0, "skipped": 0}
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for case, outcome, text, took in pool.map(run_case, cases):
            count[outcome] += 1
            print(f"[{outcome:^8}] {case.module}: {case.name} ({took:.1f} s)", flush=True)
            if text:
                print("    " + text.strip().replace("\n", "\n    "), flush=True)
    judge.stop_everything()
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped", flush=True)
    os._exit(1 if count["failed"] else 0)  # client libraries leave threads behind


main(sys.argv[1] if len(sys.argv) > 1 else "")
