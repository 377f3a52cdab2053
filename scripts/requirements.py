"""Prints what pyproject.toml requires, for pip: the build system, the package, and the extras named as arguments."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
requirements = project["build-system"]["requires"] + project["project"]["dependencies"]
for extra in sys.argv[1:]:
    requirements += project["project"]["optional-dependencies"][extra]
print("\n".join(requirements))
