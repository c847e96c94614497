"""The command: what it prints, its exit codes, and one sentence for every mistake."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from theorems import claim, names
from theorems.commands.cli import command
from theorems.proof import Derivation, equal

BALANCED = "dynamics.gradient_flow_keeps_linear_networks_balanced"


def run(*args: str) -> Result:
    return CliRunner().invoke(command, args, catch_exceptions=False)


def test_list_names_every_claim_and_its_standing() -> None:
    result = run("list")
    assert result.exit_code == 0
    for name in names():
        assert name in result.stdout
    assert "not examined" not in result.stdout


@pytest.mark.parametrize("name", names())
def test_show_cite_axioms_witness_of_every_page(name: str) -> None:
    shown = run("show", name).stdout
    assert claim(name).statement in shown
    assert "Standing: " in shown
    for p in claim(name).premises:
        assert f"[{p.kind}] {p.name}" in shown
    cited = run("cite", name).stdout
    assert "\\begin{theorem}" in cited
    assert "@" in cited
    assert f"theorems check {name}" in cited
    if claim(name).derivation:
        assert "the kernel: " in run("axioms", name).stdout
        assert "\\item[(1)]" in run("show", "--latex", name).stdout
    witnessed = run("witness", name).stdout
    for p in claim(name).premises:
        if p.kind == "needed":
            assert f"Without `{p.name}`" in witnessed
    assert witnessed.count("conclusion: fails") >= sum(p.kind == "needed" for p in claim(name).premises)


def test_a_claim_is_found_by_its_last_name() -> None:
    assert run("show", BALANCED.split(".")[1]).stdout == run("show", BALANCED).stdout


def test_unknown_names_get_did_you_mean() -> None:
    result = run("show", "gradient_flow_keeps_linear_network_balanced")
    assert result.exit_code == 2
    assert result.stderr == (
        f"theorems: There is no claim `gradient_flow_keeps_linear_network_balanced`: did you mean `{BALANCED}`?\n"
    )
    result = run("witness", BALANCED, "one rat")
    assert result.exit_code == 2
    assert "did you mean `one rate`?" in result.stderr
    assert "did you mean `landscape.svd_factorization_is_optimal`?" in run("cite", "svd").stderr
    assert "did you mean `generalization.path_norm_margin_bound`?" in run("cite", "path_nrm").stderr
    assert run("cite", "zzz").stderr == "theorems: There is no claim `zzz`: `theorems list` shows all.\n"


def test_check_prints_a_table_and_writes_a_record(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    result = run("check", BALANCED, "--examples", "30", "--jobs", "1", "--json", str(file))
    assert result.exit_code == 0, result.stdout
    assert "1 of 1 claims pass all ten points." in result.stdout
    kept = json.loads(file.read_text())
    entry = kept["claims"][BALANCED]
    assert entry["standing"] == "proved"
    assert entry["points"]["instances"]["data"]["instances"] == 30
    assert entry["points"]["decided"]["data"]["shares"]["generic"] == 1.0
    assert kept["seed"] == 0
    assert kept["versions"]["python-flint"]
    assert len(entry["digest"]) == 16


def test_a_failing_claim_exits_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    from numerics.evidence.verdict import decided
    from theorems.examination import runner

    page = claim(BALANCED)
    false = dataclasses.replace(page, check=lambda t: decided(t.X.is_zero(), "X is zero"))
    monkeypatch.setattr(runner, "claim", lambda name: false)
    result = run("check", BALANCED, "--examples", "30", "--jobs", "1")
    assert result.exit_code == 1
    assert "instances fails" in result.stdout
    assert f"reproduce: theorems check {BALANCED} --seed 0" in result.stdout


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import click

    from theorems.commands.check import table
    from theorems.examination.findings import Finding, Report

    findings = (
        Finding("derivation", True, "", {"axioms": [f"axiom {i}" for i in range(9)], "glue": 0}),
        Finding("instances", True, "", {"instances": 12345}),
        Finding("decided", False, "", {"counts": {"generic": {"holds": 12000, "undecided": 345}}}),
    )
    long = "generalization.spectral_margin_bound_for_every_network"
    reports = [
        Report(long, findings, f"proved modulo [{', '.join(f'axiom {i}' for i in range(9))}]", 12.3),
        Report("landscape.short", findings[1:], "proved", 0.5),
    ]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(width))
    table(reports)
    lines = click.unstyle(capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= width
    assert sum("proved modulo 9 " in line for line in lines) == 1
    assert sum(long in line for line in lines) == 1
    assert sum("12345" in line and "345" in line for line in lines) == 2
    assert not any("axiom " in line for line in lines)


def test_a_record_in_a_missing_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    result = run("check", BALANCED, "--json", str(tmp_path / "none" / "record.json"))
    assert result.exit_code == 2
    assert "`--json` needs a folder that exists" in result.stderr


def test_witnesses_are_saved_and_loaded(tmp_path: Path) -> None:
    file = tmp_path / "rates.npz"
    saved = run("witness", BALANCED, "one rate", "--save", str(file))
    assert saved.exit_code == 0, saved.stderr
    loaded = run("witness", BALANCED, "--load", str(file))
    assert loaded.exit_code == 0, loaded.stderr
    assert loaded.stdout.splitlines()[:2] == saved.stdout.splitlines()[1:3]


def test_a_witness_of_another_claim_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rates.npz"
    run("witness", BALANCED, "one rate", "--save", str(file))
    other = next(n for n in names() if n != BALANCED)
    result = run("witness", other, "--load", str(file))
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert BALANCED in result.stderr


def test_a_file_that_is_no_witness_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rates.npz"
    file.write_bytes(b"nothing of the sort")
    result = run("witness", BALANCED, "--load", str(file))
    assert result.exit_code == 2
    assert result.stderr.startswith("theorems: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("axioms",), ("show", "--latex")])
def test_a_derivation_that_the_kernel_refuses_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    def proof() -> Derivation:
        d = Derivation("false")
        d.algebra(equal(0, 1))
        return d

    broken = dataclasses.replace(claim(BALANCED), derivation=proof)
    monkeypatch.setattr(sys.modules[broken.name], "claim", broken)
    result = run(*arguments, BALANCED)
    assert result.exit_code == 2
    assert result.stderr.startswith("theorems: the kernel refuses the derivation: ")
    assert result.stderr.count("\n") == 1
