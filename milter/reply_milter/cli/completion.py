"""``completion``: the script that completes this command line in bash, made from its parser."""

import argparse
import os
from dataclasses import dataclass, field

from reply_milter.cli.options import add_command

_FILE, _FOLDER, _FREE = "@file", "@folder", "@free"  # what a value is, where it is none of a few words
_SCRIPT = """\
# bash completion for reply-milter, made by `reply-milter completion`
_reply_milter() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} path=reply-milter number values
    local -A commands=( @COMMANDS@ )
    local -A options=( @OPTIONS@ )
    local -A takes=( @TAKES@ )
    for ((number = 1; number < COMP_CWORD; number++)); do
        if [[ " ${commands[$path]-} " == *" ${COMP_WORDS[number]} "* ]]; then
            path+=" ${COMP_WORDS[number]}"
        fi
    done
    if [[ $word == "=" ]]; then
        word=
    elif [[ $before == "=" ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    COMPREPLY=()
    if [[ $before == -* && -n ${takes["$path $before"]-} ]]; then
        values=${takes["$path $before"]}
    elif [[ $word == -* ]]; then
        values=${options[$path]-}
    else
        values=${commands[$path]:-${takes[$path]-}}
    fi
    case $values in
    @file) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    @folder) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
    @free) ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word") ;;
    esac
}
complete -F _reply_milter reply-milter
"""


@dataclass(slots=True)
class _Words:
    """What may follow, by the words before it: commands, options, and what an option or a command takes."""

    commands: dict[str, list[str]] = field(default_factory=dict)
    options: dict[str, list[str]] = field(default_factory=dict)
    takes: dict[str, list[str]] = field(default_factory=dict)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    add_command(commands, "completion", _run, "write the script by which bash completes these commands")


def _run(options: argparse.Namespace) -> int:
    print(script(options.whole()), end="")
    return os.EX_OK


def script(parser: argparse.ArgumentParser) -> str:
    """Return the script for all commands and options of ``parser``."""
    words = _Words()
    _collect(parser, "reply-milter", words)
    text = _SCRIPT
    for name, table in {"COMMANDS": words.commands, "OPTIONS": words.options, "TAKES": words.takes}.items():
        entries = (f"[{_quoted(path)}]={_quoted(' '.join(values))}" for path, values in table.items() if values)
        text = text.replace(f"@{name}@", f"\n        {f'{chr(10)}        '.join(entries)}\n    ")
    return text


def _collect(parser: argparse.ArgumentParser, path: str, words: _Words) -> None:
    words.options[path] = [text for action in parser._actions for text in action.option_strings]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            words.commands[path] = list(action.choices)
            for name, sub in action.choices.items():
                _collect(sub, f"{path} {name}", words)
        elif action.option_strings and action.nargs != 0:
            words.takes |= {f"{path} {text}": _values(action) for text in action.option_strings}
        elif not action.option_strings and path not in words.takes:
            words.takes[path] = _values(action)


def _values(action: argparse.Action) -> list[str]:
    """Return what an option or argument takes: its few words, or a kind, by the name that the help shows."""
    if action.choices is not None:
        return [str(choice) for choice in action.choices]
    shown = str(action.metavar or action.dest).upper()
    return [_FILE if "FILE" in shown else _FOLDER if "DIR" in shown else _FREE]


def _quoted(text: str) -> str:
    """Quote for bash."""
    return "'" + text.replace("'", "'\\''") + "'"
