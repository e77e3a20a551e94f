"""A run of the workflow as a person sees it: the log in a file, a bar on a terminal, a few lines at the end."""

import io

import pytest

from jamming.__main__ import main
from jamming.commands import run

LINES = [
    "Building DAG of jobs...\n",
    "1 of 4 steps (25%) done\n",
    "Figures: 20 in figures/, as PDF and SVG, from preset quick.\n",
    "Claims: 3 reproduced; `snakemake --cores 2 claims` lists them.\n",
    "2 of 4 steps (50%) done\n",
    "Open results/quick/index.html for all of it on one page.\n",
]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A folder to run in, where `snakemake` is a script that prints LINES and ends with a given exit code."""

    def make(code):
        script = tmp_path / "bin" / "snakemake"
        script.parent.mkdir()
        script.write_text("#!/bin/sh\ncat <<'END'\n" + "".join(LINES) + f'END\necho "$@"\nexit {code}\n')
        script.chmod(0o755)
        monkeypatch.setenv("PATH", str(script.parent), prepend=":")
        monkeypatch.chdir(tmp_path)

    return make


def test_all_lines_go_to_the_log_and_few_to_the_person():
    log, terminal = io.StringIO(), io.StringIO()
    said = run.follow(LINES, log, terminal, None)
    assert log.getvalue() == "".join(LINES)
    assert said == [LINES[2].rstrip(), LINES[3].rstrip(), LINES[5].rstrip()] and terminal.getvalue() == ""


def test_a_terminal_shows_how_far_it_is_and_what_is_left():
    terminal = Terminal()
    run.follow(LINES, io.StringIO(), terminal, None)
    assert "1 of 4 jobs, about" in terminal.getvalue() and "2 of 4 jobs, about" in terminal.getvalue()
    everything = Terminal()
    run.follow(LINES, io.StringIO(), everything, everything)
    assert everything.getvalue() == "".join(LINES)


def test_the_end_is_said_in_five_lines(stand_in, capfd, tmp_path):
    stand_in(0)
    assert main(["run", "--", "all", "made", "--config", "preset=smoke"]) == 0
    said = capfd.readouterr().out.splitlines()
    assert len(said) == 4 and said[0].startswith("Figures: 20") and said[-1].endswith("the log is results/make.log.")
    assert (tmp_path / "results/make.log").read_text().splitlines()[-1] == "all made --config preset=smoke"


def test_a_failure_keeps_its_exit_code_and_shows_the_end_of_the_log(stand_in, capfd):
    stand_in(3)
    with pytest.raises(SystemExit) as stopped:
        main(["run", "--", "all"])
    assert stopped.value.code == 3
    said = capfd.readouterr().err.splitlines()
    assert "2 of 4 steps (50%) done" in said and said[-1] == "Snakemake stopped; all it said is in results/make.log."
