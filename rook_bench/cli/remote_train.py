"""`rook-bench remote train` and `package`: a call of `train`, elsewhere."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from rook_bench.cli.lazy import Verb, load_verb
from rook_bench.cli.options import Trials
from rook_bench.cli.train import summary
from rook_bench.core import ConfigError, InputError
from rook_bench.core.console import remark, say
from rook_bench.core.files import check_replaceable
from rook_bench.remote.package import Call
from rook_bench.remote.rent.guard import rented
from rook_bench.remote.rent.providers import provider_of
from rook_bench.remote.sky import write_task
from rook_bench.remote.ssh import Ssh
from rook_bench.remote.train import Job, Terms, job_of, make_package
from rook_bench.workbench.fine_tune import settings_of_training

Flags = Annotated[list[str] | None, typer.Argument(metavar="-- FLAGS OF TRAIN", help="As for rook-bench train.")]
Host = Annotated[
    str | None, typer.Option("--host", metavar="USER@BOX", help="A box of your own, by any name that ssh knows.")
]
Python = Annotated[
    str | None, typer.Option("--python", metavar="PATH", help="An interpreter there that has all that training needs.")
]
SshConfig = Annotated[
    Path | None,
    typer.Option(
        "--ssh-config",
        envvar="ROOK_BENCH_SSH_CONFIG",
        show_envvar=True,
        help="ssh's configuration, in place of your own.",
    ),
]
Identity = Annotated[Path | None, typer.Option("--identity", help="The private key to log in with.")]

BOOT_S = 300.0
"""Seconds that a machine may take from having an address to letting us in."""

FETCH_HOURS = 0.1
"""Of a rented machine's time, kept for bringing the adapter home."""

FROM_SETTINGS = {"epochs": "num_epochs", "dora": "lora_dora", "rslora": "lora_rs"}
SETTINGS = (
    *("epochs", "max_samples", "model", "template", "batch_size", "learning_rate", "objective", "seed"),
    *("lora_targets", "dora", "rslora", "gradient_checkpointing"),
    *("load_in_4bit", "pair_token"),
)


def train(
    flags: Flags = None,
    host: Host = None,
    provider: Annotated[
        str | None,
        typer.Option(
            "--provider", metavar="NAME", help="Rent a machine: fluence (FLUENCE_API_KEY), hf-jobs (HF_TOKEN)."
        ),
    ] = None,
    max_usd: Annotated[
        float | None, typer.Option("--max-usd", help="With --provider: what all of it may cost, checked beforehand.")
    ] = None,
    machine: Annotated[
        str | None, typer.Option("--machine", help="With --provider: the kind of machine, in its own word.")
    ] = None,
    place: Annotated[str | None, typer.Option("--place", help="With --provider: where, in its own word.")] = None,
    disk_gb: Annotated[int, typer.Option("--disk-gb", min=10, help="With --provider: size of the disk.")] = 40,
    keep_hours: Annotated[
        float | None,
        typer.Option("--keep-hours", help="With --provider: leave the machine running so long if interrupted."),
    ] = None,
    max_hours: Annotated[float, typer.Option("--max-hours", help="Hard limit of the run.")] = 24.0,
    package_file: Annotated[
        Path | None, typer.Option("--package", help="What `remote package` wrote, in place of flags.")
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", help="With --package: the adapter's folder.")
    ] = None,
    python: Python = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Leave graphics cards alone.")] = False,
    secret: Annotated[
        list[str] | None,
        typer.Option("--secret", metavar="NAME", help="Environment variable that training needs there (HF_TOKEN)."),
    ] = None,
    ssh_config: SshConfig = None,
    identity: Identity = None,
) -> None:
    """Train on a box. The same command starts a job, goes on with it after anything, or fetches its adapter."""
    if (host is None) == (provider is None):
        raise InputError("which box?", hint="name your own with --host user@box, or rent one with --provider fluence")
    terms = Terms(max_hours, python, cpu, tuple(secret or ()))
    trials: Path | None = None
    if package_file is not None:
        if output_dir is None or flags:
            raise InputError("a package has its flags inside", hint="give --output-dir and no others")
        job = Job.of(package_file, remark)
    else:
        call, output_dir, trials = read_flags(flags or [])
        job = job_of(call, remark)
    before = job.came_before(output_dir, trials)
    if before is not None:
        done = before
    elif provider is None:
        done = job.run(Ssh(host or "", ssh_config, identity), terms, output_dir, trials)
    else:
        check_replaceable(output_dir)
        with rented(
            provider_of(provider),
            job.folder.job,
            machine=machine,
            place=place,
            disk_gb=disk_gb,
            hours=max_hours,
            max_usd=max_usd,
            keep_hours=keep_hours,
            identity=identity,
            config=ssh_config,
            say=remark,
        ) as (ssh, lease):
            left = (lease.end_at - time.time()) / 3600 - FETCH_HOURS
            terms = replace(terms, max_hours=max(left, FETCH_HOURS))
            done = job.run(ssh, terms, output_dir, trials, provider=provider, boot_s=BOOT_S)
    for line in summary(done):
        say(line)


def package(
    out: Annotated[Path, typer.Option("--out", help="File to write, .tar.gz; whole or not at all.")],
    flags: Flags = None,
    sky: Annotated[
        Path | None, typer.Option("--sky", help="Also a task for SkyPilot that runs it, with the runner beside it.")
    ] = None,
    accelerators: Annotated[
        str | None, typer.Option("--accelerators", help="With --sky: graphics cards, as SkyPilot calls them (L4:1).")
    ] = None,
    max_hours: Annotated[float, typer.Option("--max-hours", help="With --sky: hard limit of the run.")] = 24.0,
) -> None:
    """Write what a call of train would send to a box: the same bytes every time, and no secret."""
    call, _, _ = read_flags(flags or [])
    manifest = make_package(call, out)
    size = sum(file.bytes for file in manifest.files.values())
    say(f"{out}: job {manifest.job}, {len(manifest.files)} files, {size / 2**20:,.1f} MiB unpacked")
    if sky is not None:
        runner = write_task(manifest, out, sky, max_hours=Terms(max_hours).max_hours, accelerators=accelerators)
        say(f"{sky}: a task for sky launch; it runs {runner}")


def receive(
    package_file: Annotated[Path, typer.Argument(metavar="PACKAGE", help="What `remote package` wrote.")],
    came: Annotated[Path, typer.Argument(metavar="FOLDER", help="The adapter that a run of it wrote.")],
    output_dir: Annotated[
        Path, typer.Option("--output-dir", help="The adapter's folder; appears whole or not at all.")
    ],
    trials: Trials = None,
) -> None:
    """Check an adapter that came back by other ways, and put it in place: validation is scored again here."""
    check_replaceable(output_dir)
    job = Job.of(package_file, remark)
    done = job.receive(came, output_dir, trials)
    for line in summary(done):
        say(line)


def read_flags(flags: list[str]) -> tuple[Call, Path, Path | None]:
    """A call of `train` as its own verb reads it, its output folder and its trial ledger."""
    verb = load_verb("train", Verb("rook_bench.cli.train:train", ""))
    with verb.make_context("rook-bench train", list(flags)) as context:
        given: dict[str, Any] = context.params
    for name in ("fresh", "json"):
        if given[name]:
            hint = "rook-bench remote end --remove forgets a job" if name == "fresh" else "read the adapter's rook.json"
            raise ConfigError("a job elsewhere takes no such flag", where=f"--{name}", hint=hint)
    data_dir, *more = given["data_dir"]
    if more:
        hint = "train on several pools here"
        raise ConfigError("a job elsewhere learns from one folder", where=f"--data-dir {more[0]}", hint=hint)
    inputs = {"rewards": given["rewards"], "drafts": given["drafts"], "from": given["parent"]}
    # A switch that was not set says nothing of what the configuration asks for.
    named = {FROM_SETTINGS.get(name, name): None if given[name] is False else given[name] for name in SETTINGS}
    settings = settings_of_training(given["config"], given["stage"], inputs, named)
    call = Call(data_dir, settings, given["stage"], given["rewards"], given["drafts"], given["parent"])
    return call, given["output_dir"], given["trials"]
