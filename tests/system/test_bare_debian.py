"""The package on a Debian with nothing in it: built by the quick start's lines, installed, purged, installed again."""

import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.hosts.bare_debian import BareDebian, BareDebianError, bare_debian
from tests.system.package_under_test import ROOT, package
from tests.system.page_commands import commands_of

pytestmark = pytest.mark.system

PAGE = ROOT / "docs/quick-start.md"
CLONE = "git clone https://git.example.com/reply-milter.git"
INSTALL = "apt-get -q -y install --no-install-recommends"
long = pytest.mark.skipif(not os.environ.get("REPLY_MILTER_LONG"), reason="the long form: make deb-test")


@pytest.fixture
def host() -> Iterator[BareDebian]:
    """A fresh one."""
    try:
        with bare_debian() as made:
            yield made
    except BareDebianError as error:
        pytest.skip(str(error))


def _until_make_deb() -> list[str]:
    commands = commands_of(PAGE)
    return commands[: commands.index("make deb") + 2]


def test_the_page_says_how_to_get_the_source() -> None:
    """With everything that a bare Debian lacks."""
    assert [command.split()[0] for command in _until_make_deb()] == [
        "apt-get",
        "apt-get",
        "git",
        "cd",
        "make",
        "apt-get",
    ]
    assert CLONE in _until_make_deb()


def test_build_dependencies_are_all_installed_by_make() -> None:
    """Those of debian/control, and build-essential, which each package needs without naming it."""
    makefile, control = (ROOT / "Makefile").read_text(), (ROOT / "contrib/debian/package/control").read_text()
    named = re.search(r"(?m)^Build-Depends: (.*)$", control)
    assert named is not None
    needed = {word.split()[0] for word in named[1].split(", ")} - {"debhelper-compat"} | {
        "build-essential",
        "debhelper",
    }
    lists = dict(re.findall(r"(?m)^(\w+_PACKAGES) := (.*)$", makefile))
    assert needed <= {*lists["BUILD_PACKAGES"].split(), *lists["DEB_PACKAGES"].split()}


@long
def test_the_quick_start_from_the_source_to_the_package(host: BareDebian) -> None:
    """Word by word, but for the address of the source and the questions of apt."""
    subprocess.run(["git", "clone", "-q", "--bare", ROOT, host.root / "srv/reply-milter.git"], check=True)
    subprocess.run(["chown", "-R", "root:root", host.root / "srv/reply-milter.git"], check=True)
    *lines, install = _until_make_deb()
    assert install.startswith("apt-get install ./dist/reply-milter_")
    script = "\n".join([*lines, install]).replace(CLONE, "git clone /srv/reply-milter.git")
    told = host.sh(script.replace("apt-get install", INSTALL))
    assert "Unmet build dependencies" not in told
    _is_installed(host)


@long
def test_installed_purged_and_installed_again(host: BareDebian) -> None:
    """Revocations, keys and a webhook's secret outlast it, for the same user alone, whoever has come meanwhile."""
    host.put(package(), "/root/package.deb")
    host.sh(f"apt-get -q update; {INSTALL} ./package.deb redis-server")
    _is_installed(host)
    host.sh("reply-milter init /etc/reply-milter --domain reply.example.com; cd /etc/reply-milter"
            "\nchown reply-milter: keys.toml seal.key; echo secret > hook.secret"
            "\nchown root:reply-milter hook.secret; chmod 0640 hook.secret")  # fmt: skip
    host.sh("reply-milter revoke user 42")
    assert "revoked" in host.sh("reply-milter user show 42")
    told = host.sh("apt-get -q -y purge reply-milter")
    for kept in ("/etc/reply-milter, which holds your keys", "/var/lib/reply-milter, which holds the revocations"):
        assert f"reply-milter: kept {kept}" in told
    assert "removed the embedded store" in told
    assert host.sh("ls /opt /usr/share/doc | grep reply-milter || true") == ""
    host.sh("useradd --system newcomer")
    places = "/etc/reply-milter /var/lib/reply-milter"
    assert host.sh(f"find {places} \\( -nouser -o -nogroup -o -user newcomer -o -group newcomer \\)") == ""
    assert host.run("runuser", "-u", "newcomer", "--", "cat", "/etc/reply-milter/hook.secret").returncode != 0

    host.sh(f"{INSTALL} ./package.deb")
    _runs_with_its_revocations(host)


@long
def test_what_an_earlier_version_left_is_given_back(host: BareDebian) -> None:
    """That gave all files to root, and removed the user; the number has gone to somebody else."""
    host.put(package(), "/root/package.deb")
    host.sh(f"apt-get -q update; {INSTALL} ./package.deb redis-server")
    host.sh("reply-milter init /etc/reply-milter --domain reply.example.com; reply-milter revoke user 42")
    host.sh("cd /var/lib/reply-milter; mkdir -m 0700 delivery; touch delivery/held notes; cd"
            "\napt-get -q -y purge reply-milter; chown -R root:root /var/lib/reply-milter /etc/reply-milter"
            "\nuserdel reply-milter; useradd --system newcomer")  # fmt: skip
    told = host.sh(f"{INSTALL} ./package.deb")
    assert "gave what was kept in /var/lib/reply-milter back to the user reply-milter" in told
    state = "/var/lib/reply-milter"
    owners = host.sh(f"stat -c '%U:%G %a %n' {state} {state}/delivery {state}/notes /etc/reply-milter/keys.toml")
    assert owners.splitlines() == [
        f"reply-milter:reply-milter 700 {state}", f"reply-milter:reply-milter 700 {state}/delivery",
        f"root:root 644 {state}/notes", "reply-milter:reply-milter 600 /etc/reply-milter/keys.toml",
    ]  # fmt: skip
    _runs_with_its_revocations(host)


def _is_installed(host: BareDebian) -> None:
    """It lists its commands, and every link of every page leads somewhere, by each of its paths."""
    assert "verify-header" in host.sh("reply-milter")
    for top in ("usr/share/doc/reply-milter", "opt/reply-milter/share/reply-milter"):
        assert host.sh(f"/opt/reply-milter/bin/python3 -c '{_LINKS}' /{top}").split()[:2] == ["none", "of"]


# Of a page's links, those that lead nowhere: as text from the page's own path, as a reader's program follows them.
_LINKS = r"""
import os, re, sys
pages, lost, links = [], [], 0
for folder, _, names in os.walk(sys.argv[1], followlinks=True):
    pages += [os.path.join(folder, name) for name in names if name.endswith(".md")]
for page in pages:
    for to in re.findall(r"(?<!\\)\]\(([\w./-]+)(?:#[\w-]+)?\)", open(page).read()):
        links += 1
        lost += [page + ": " + to] * (not os.path.exists(os.path.normpath(os.path.join(os.path.dirname(page), to))))
assert links > 200, links
print(*lost or ["none"], "of", links)
"""


def _runs_with_its_revocations(host: BareDebian) -> None:
    """The daemon starts as its user, without a line by hand, and what was revoked stays so."""
    script = """
        runuser -u reply-milter -- reply-milter run 2> log & daemon=$!
        for try in $(seq 100); do
            grep -q "this host's journal" log && break
            sleep 0.2
        done
        cat log
        reply-milter user show 42
        kill $daemon; wait $daemon || true
    """
    host.sh("mkdir -p /var/spool/postfix/reply-milter; chown reply-milter: /var/spool/postfix/reply-milter")
    host.sh("sed -i 's/^socket_group = .*/socket_group = \"\"/' /etc/reply-milter/reply-milter.toml")
    told = host.sh(script)
    assert "restored 1 revocation from this host's journal" in told
    assert re.search(r"revoked: .*minted before|revoked", told.split("journal", 1)[1]), told
