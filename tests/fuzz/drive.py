"""Fuzz one target under atheris: ``python -m tests.fuzz.drive TARGET REDIS_URL FOLDER [option of libFuzzer or corpus …]``."""

from __future__ import annotations

import contextlib
import logging
import sys
from pathlib import Path
from random import Random

import atheris
from structlog.testing import capture_logs

CORPUS = Path(__file__).parent / "corpus"
INSTRUMENTED = ["webhook_kit", "webhook_kit_http", "webhook_kit_odoo", "webhook_kit_square"]


def main() -> None:
    """Run the target until libFuzzer ends the process."""
    name, redis_url, folder, *options = sys.argv[1:]
    logging.disable()
    with capture_logs() as log:
        with atheris.instrument_imports(include=INSTRUMENTED):
            from tests.fuzz.mutation import mutate
            from tests.fuzz.oracle import judge
            from tests.fuzz.surroundings import Surroundings
            from tests.fuzz.targets import all_targets

            target = all_targets(Surroundings(redis_url, Path(folder), log))[name]
            for file in sorted((CORPUS / name).iterdir()):  # modules that are imported later are instrumented too
                with contextlib.suppress(Exception):
                    target.run(file.read_bytes())

        def mutated(data: bytes, size: int, seed: int) -> bytes:
            return mutate(data, size, Random(seed), atheris.Mutate)

        atheris.Setup([sys.argv[0], *options], lambda data: judge(target, data, log), custom_mutator=mutated)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
