"""What the library offers by name, loaded when it is asked for."""

import subprocess
import sys

import pytest

import reply_text


@pytest.mark.parametrize("name", reply_text.__all__)
def test_each_name_is_there(name: str) -> None:
    """Asked for twice, it is the same."""
    assert getattr(reply_text, name) is getattr(reply_text, name)


def test_another_name_is_an_attribute_error() -> None:
    """With the words of Python."""
    with pytest.raises(AttributeError, match="module 'reply_text' has no attribute 'nothing'"):
        reply_text.nothing  # noqa: B018 # the look-up is the test


def test_the_syntax_of_mail_loads_no_languages() -> None:
    """Their expressions take longer to compile than all else."""
    program = "import reply_text.syntax.mailbox, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "reply_text.syntax.mailbox" in done.stdout.split()
    assert "reply_text.words" not in done.stdout.split()
