"""CI jobs that judge a project's cases, as `qparity init` writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

GITHUB = """\
# Judges the cases in cases/ for every change. Written by `qparity init`; yours from here on.
name: qparity
on:
  push:
    branches: [main]
  pull_request:
permissions:
  contents: read
jobs:
  gate:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@v4
        with:
          lfs: true # models and goldens
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - uses: actions/cache@v4
        with: # variants are found by what they were made from: an old cache is slow, never wrong
          path: .qparity/cache
          key: qparity-${{ github.run_id }}
          restore-keys: qparity-
      - run: python -m pip install "pytest-qparity[@EXTRAS@]"
      - run: pytest @CASES@ --backend=@BACKENDS@ --qparity-github --qparity-report=report.md
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: qparity
          include-hidden-files: true
          path: |
            report.md
            .qparity/ledger.json
"""
GITLAB = """\
# Judges the cases in cases/ for every change. Written by `qparity init`; yours from here on.
qparity:
  image: python:3.12-slim
  timeout: 30m
  cache: # variants are found by what they were made from: an old cache is slow, never wrong
    key: qparity
    paths: [.qparity/cache]
  script:
    - python -m pip install "pytest-qparity[@EXTRAS@]"
    - pytest @CASES@ --backend=@BACKENDS@ --qparity-report=report.md --junitxml=junit.xml
  artifacts:
    when: always
    paths: [report.md, .qparity/ledger.json]
    reports:
      junit: junit.xml
"""
TEMPLATES: Mapping[str, tuple[PurePosixPath, str]] = {
    "github": (PurePosixPath(".github/workflows/qparity.yml"), GITHUB),
    "gitlab": (PurePosixPath(".gitlab-ci.yml"), GITLAB),
}


def ci_job(service: str, backends: Sequence[str], folder: str) -> str:
    """The job for one of TEMPLATES; `folder`: that of the case files."""
    _, text = TEMPLATES[service]
    named = ",".join(backends) or "ort"
    return text.replace("@EXTRAS@", named).replace("@BACKENDS@", named).replace("@CASES@", folder)
