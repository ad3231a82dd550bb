"""``make audit``: has any run dependency, in the version that constraints.txt pins, a known vulnerability?

Asks PyPI, then OSV, through pip-audit. Exit 0: there was an answer, and there is none. 1: there is one. 2: nobody could
be asked. What pip-audit calls "no known vulnerabilities" is no answer by itself: it says so of packages that it could
not ask about, too, and a mirror may serve pages without any vulnerabilities. So each package must be answered for, and
a version that everybody knows to be vulnerable must be found so.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

from tests.support import run_dependencies

CONTROL = ("jinja2", "2.4.1")  # CVE-2014-1402, CVE-2016-10745 and more
SERVICES = {"pypi": "PyPI (pypi.org)", "osv": "OSV (api.osv.dev)"}


@dataclass
class Outcome:
    """What a service said. ``why``: it could not be asked, or can't be believed."""

    why: str = ""
    vulnerable: list[str] = field(default_factory=list)


def main() -> int:
    """Ask each service until one answers; see above for what is returned."""
    installed = run_dependencies.installed()
    pinned = {name: version for name, version in run_dependencies.pins().items() if name in installed}
    for service, called in SERVICES.items():
        outcome = judge(_ask(service, {**pinned, CONTROL[0]: CONTROL[1]}), pinned)
        if outcome.why:
            print(f"{called}: {outcome.why}", file=sys.stderr)
            continue
        for line in outcome.vulnerable:
            print(line, file=sys.stderr)
        print(f"{called}: {len(pinned)} run dependencies, {len(outcome.vulnerable)} known vulnerabilities")
        return 1 if outcome.vulnerable else 0
    print("audit: NOT DONE: nobody could be asked. Run it where one of these can be reached.", file=sys.stderr)
    return 2


def judge(answer: str, pinned: dict[str, str]) -> Outcome:
    """Read pip-audit's JSON about ``pinned`` and the control."""
    try:
        answered = {entry["name"]: entry["vulns"] for entry in json.loads(answer)["dependencies"] if "vulns" in entry}
    except (ValueError, KeyError, TypeError):
        return Outcome("no answer")
    missing = sorted(pinned.keys() - {run_dependencies.normalised(name) for name in answered})
    if missing:
        return Outcome(f"no answer about {', '.join(missing)}")
    if not answered.get(CONTROL[0]):
        return Outcome(f"knows nothing: {'=='.join(CONTROL)} is vulnerable, and was not found so")
    del answered[CONTROL[0]]
    return Outcome(vulnerable=[_told(name, found) for name, entries in answered.items() for found in entries])


def _told(name: str, found: dict[str, object]) -> str:
    return f"{name}: {found['id']}, fixed in {found.get('fix_versions') or 'no version'}"


def _ask(service: str, versions: dict[str, str]) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(f"{name}=={version}\n" for name, version in versions.items()))
        file.flush()
        plain = ("--format", "json", "--progress-spinner", "off")
        what = ("--vulnerability-service", service, "--disable-pip", "--no-deps", "--requirement", file.name)
        command = [sys.executable, "-m", "pip_audit", *plain, *what]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    sys.exit(main())
