"""The alert rules: Prometheus' own checks, a test and a runbook for each, examples that load."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.prometheus_under_test import ROOT, RULES

pytestmark = pytest.mark.monitoring

_RUNBOOKS = ROOT / "docs" / "runbooks"
_TESTS = sorted((RULES / "tests").glob("*_test.yaml"))


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in _read(RULES / "alerts.yaml")["groups"] for rule in group["rules"]
}


def _run(*argv: str | Path) -> str:
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_the_rules() -> None:
    """As they are shipped."""
    assert "FAILED" not in _run("promtool", "check", "rules", *RULES.glob("*.yaml"))


def test_every_alert_fires_and_is_quiet_before_and_after() -> None:
    """By series made for it: promtool evaluates them, texts included."""
    assert len(_TESTS) == 2
    _run("promtool", "test", "rules", *_TESTS)


def test_no_alert_is_left_out_of_that() -> None:
    """Each is seen to fire once, between two times when it does not."""
    seen: dict[str, list[bool]] = {}
    for path in _TESTS:
        for case in _read(path)["tests"]:
            for look in case["alert_rule_test"]:
                seen.setdefault(look["alertname"], []).append(bool(look["exp_alerts"]))
    assert set(seen) == set(ALERTS)
    for name, fires in seen.items():
        assert fires.count(True) == 1, name
        assert fires[0] is fires[-1] is False, name


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    """A sentence for the subject, more for the body, and a page that is there."""
    for name, rule in ALERTS.items():
        assert re.fullmatch(r"ReplyMilter[A-Za-z]+", name)
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        texts = rule["annotations"]
        assert set(texts) == {"summary", "description", "runbook_url"}
        assert texts["summary"].endswith(".")
        assert "$labels.instance" in texts["summary"] or "$labels.key" in texts["summary"], name
        base, _, page = texts["runbook_url"].rpartition("/")
        assert base == "https://runbooks.example.com/reply-milter"
        assert f"`{name}` ({rule['labels']['severity']})" in (_RUNBOOKS / f"{page}.md").read_text(encoding="utf-8")


def test_every_runbook_is_some_alerts_and_in_the_list() -> None:
    """None is left over, and each has its three parts."""
    pages = {path.stem for path in _RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == {rule["annotations"]["runbook_url"].rpartition("/")[2] for rule in ALERTS.values()}
    index = (_RUNBOOKS / "README.md").read_text(encoding="utf-8")
    for page in pages:
        text = (_RUNBOOKS / f"{page}.md").read_text(encoding="utf-8")
        assert re.findall(r"(?m)^## (.*)$", text) == ["What it means", "What to look at", "What to do"], page
        assert f"]({page}.md)" in index


@pytest.mark.parametrize(
    "path",
    [*_RUNBOOKS.glob("*.md"), ROOT / "docs" / "monitoring.md", ROOT / "grafana" / "README.md"],
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_links_lead_somewhere(path: Path) -> None:
    """To other files of the project."""
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
        assert re.match(r"https?://", target) or (path.parent / target).exists(), target


def test_the_examples_load() -> None:
    """Prometheus' and Alertmanager's own checks; Grafana's provisioning as YAML of the shape that it wants."""
    _run("promtool", "check", "config", "--syntax-only", ROOT / "grafana/prometheus/prometheus.yaml")
    _run("amtool", "check-config", ROOT / "grafana/prometheus/alertmanager.yaml")
    (source,) = _read(ROOT / "grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    assert (source["type"], source["access"]) == ("prometheus", "proxy")
    (provider,) = _read(ROOT / "grafana/provisioning/dashboards/reply-milter.yaml")["providers"]
    assert (provider["type"], provider["options"]["path"]) == ("file", "/var/lib/grafana/dashboards/reply-milter")


@pytest.mark.parametrize(
    "labels,receiver",
    [
        ({"alertname": "ReplyMilterDown", "severity": "critical"}, "pager"),
        ({"alertname": "ReplyMilterThreadless", "severity": "info"}, "mail"),
        ({"alertname": "SomebodyElses", "severity": "critical"}, "mail"),
    ],
)
def test_alerts_go_where_they_should(labels: dict[str, str], receiver: str) -> None:
    """By the routes of the example."""
    words = [f"{name}={value}" for name, value in labels.items()]
    config = ROOT / "grafana/prometheus/alertmanager.yaml"
    assert _run("amtool", "config", "routes", "test", f"--config.file={config}", *words).strip() == receiver
