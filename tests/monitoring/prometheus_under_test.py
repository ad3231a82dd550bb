"""A Prometheus of a test's own: on loopback, with our rules, ended by its process id."""

import json
import math
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port

ROOT = Path(__file__).parents[2]
RULES = ROOT / "grafana" / "rules"
_CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{rules}/*.yaml]
scrape_configs:
  - job_name: reply-milter
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


class QueryError(Exception):
    """Prometheus can make nothing of an expression; the message is its own."""


@dataclass(frozen=True)
class Found:
    """One series of an answer: its labels, and (Unix seconds, value) pairs."""

    labels: dict[str, str]
    values: list[tuple[float, float]]

    @property
    def last(self) -> float:
        """The newest value."""
        return self.values[-1][1]


class PrometheusUnderTest:
    """Scrapes ``port`` of 127.0.0.1 each second, and works our rules out as often."""

    def __init__(self, port: int) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="reply-milter-prometheus-"))
        (self._folder / "prometheus.yaml").write_text(_CONFIG.format(rules=RULES, port=port))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "PrometheusUnderTest":
        """Start it, and wait until it is ready."""
        argv = [
            "prometheus",
            f"--config.file={self._folder}/prometheus.yaml",
            f"--storage.tsdb.path={self._folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=error",
        ]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(argv, stderr=log)
        wait_until(self._ready, 30, "Prometheus is ready")
        return self

    def stop(self) -> None:
        """End it and remove what it kept."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5):
                return True
        except OSError:
            return False

    def query(self, expr: str) -> list[Found]:
        """What ``expr`` is now. NaN is no value."""
        data = self._api("query", query=expr)
        if data["resultType"] == "scalar":
            return [Found({}, [(data["result"][0], float(data["result"][1]))])]
        found = [Found(one["metric"], [(one["value"][0], float(one["value"][1]))]) for one in data["result"]]
        return [one for one in found if not math.isnan(one.last)]

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Found]:
        """What ``expr`` was; times in Unix seconds."""
        data = self._api("query_range", query=expr, start=start, end=end, step=step)
        return [Found(one["metric"], [(at, float(value)) for at, value in one["values"]]) for one in data["result"]]

    def label_values(self, label: str, selector: str) -> list[str]:
        """The values of ``label`` that series of ``selector`` have."""
        found: list[str] = self._api(f"label/{label}/values", **{"match[]": selector})
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Groups of rules, as they were worked out last."""
        found: list[dict[str, Any]] = self._api("rules")["groups"]
        return found

    def _api(self, what: str, **parameters: object) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise QueryError(error.read().decode()) from error
