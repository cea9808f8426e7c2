"""``runwell.init``."""

import os
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from runwell import _messages, _session
from runwell._branch import Branch, fork, read_branch, rewind
from runwell._config import Config, in_notebook
from runwell._config_sources import chosen, entries_of, file_values, read_values
from runwell._disabled import DisabledLane
from runwell._facts import RunFacts
from runwell._git import GitState, read_git
from runwell._names import suggestion
from runwell._past import Past
from runwell._provenance import process_fields, working_directory
from runwell._resume import Resume, find_past
from runwell._run import Run
from runwell._settings import Settings, resolve, user_name
from runwell._source import SourceCapture
from runwell._trial import trial_of
from runwell._version import VERSION
from runwell._writers import open_lane
from runwell.core import limits, names
from runwell.errors import UsageError

if TYPE_CHECKING:
    from runwell._auto_resume import AutoResume

Reinit = Literal["return_previous", "finish_previous", "create_new"]

_RESUMES: Mapping[object, Resume | Literal["auto"] | None] = {
    None: None,
    False: None,
    "must": "must",
    "allow": "allow",
    "never": "never",
    "auto": "auto",
    True: "auto",
}
_REINITS: Mapping[object, Reinit | None] = {
    None: None,
    "default": None,
    False: "return_previous",
    True: "finish_previous",
    "return_previous": "return_previous",
    "finish_previous": "finish_previous",
    "create_new": "create_new",
}

_WITHOUT_EFFECT = (
    "save_code changes nothing: commit and changes of a git repository are kept anyway, and run.log_code() keeps files",
    "what is written for TensorBoard is not read: give it to run.log() too",
    "monitor_gym changes nothing: log a recorded video as runwell.Video(path)",
)
_said_without_effect: set[str] = set()


class _Wish(NamedTuple):
    """What the caller asked for, checked."""

    settings: Settings
    run_id: str | None
    name: str | None
    group: str | None
    job_type: str | None
    notes: str | None
    tags: tuple[str, ...] | None
    resume: Resume | Literal["auto"] | None
    fork: Branch | None
    rewind: Branch | None


def init(
    entity: str | None = None,
    project: str | None = None,
    dir: str | os.PathLike[str] | None = None,  # noqa: A002  wandb's name
    id: str | None = None,  # noqa: A002  wandb's name
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: Any = None,
    config_exclude_keys: Sequence[str] | None = None,
    config_include_keys: Sequence[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    force: bool | None = None,
    reinit: str | bool | None = None,
    resume: str | bool | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
    anonymous: str | None = None,
) -> Run:
    """Starts a run, or continues one, and makes it the current run of this process.

    ``resume`` says what happens when the run ``id`` exists: "must" continues it and raises when it does not exist, "allow"
    continues it or starts it, "never" raises when it exists. Without ``resume`` an existing run gets a new attempt that
    begins at step 0. "auto" needs no id: it continues what this script began in this directory and did not end with
    exit code 0. ``fork_from="ID?_step=N"`` begins a run whose history, config and summary go on from what run ID had
    logged by step N; ``resume_from`` continues run ID itself from there, and hides its rows after that step.

    ``mode`` is "online", "offline" or "disabled", or "shared" for processes that give the same ``id`` and write one attempt
    of the run together, each with steps of its own. ``reinit`` says what happens when a run is open: "return_previous" (the
    default in scripts) returns it, "finish_previous" (the default in notebooks) ends it first, "create_new" starts one
    beside it that is not behind ``runwell.log`` and the other shortcuts. ``config`` is what ``run.config.update`` takes.
    ``allow_val_change``, ``force`` and ``anonymous`` are taken since scripts give them, and change nothing. So are
    ``save_code``, ``tensorboard``, ``sync_tensorboard`` and ``monitor_gym``; that they do is said once.

    Raises UsageError and ConfigError for arguments that cannot be right, ServerUnreachableError when ``resume`` cannot be
    decided, and Error when the spool cannot be made.
    """
    _say_what_has_no_effect(save_code, tensorboard or sync_tensorboard, monitor_gym)
    settings_given = {"entity": entity, "project": project, "mode": mode, "dir": None if dir is None else Path(dir)}
    resolved = resolve(settings, settings_given | {"fork_from": fork_from, "resume_from": resume_from})
    how = _choice("reinit", resolved.reinit if reinit is None else reinit, _REINITS)
    if how is None and in_notebook():
        how = "finish_previous"
    previous = _session.current()
    if previous is not None and how != "create_new":
        if how != "finish_previous":
            return _returned(previous, id, resume)
        previous.finish()
    resolved, run_id, locked = _in_trial(resolved, entity, project, id)
    said = {"run_id": run_id, "name": name, "group": group, "job_type": job_type, "notes": notes}
    wish = _wish(resolved, said, tags, resume)
    values = file_values(resolved.config_paths)
    values |= chosen(entries_of(config), config_include_keys, config_exclude_keys)
    run = _begun(wish, values, locked, make_current=how != "create_new")
    if dir is not None:
        # Other programs look for the run there.
        _ = run.dir
    return run


def _say_what_has_no_effect(*asked: bool | None) -> None:
    for wanted, text in zip(asked, _WITHOUT_EFFECT, strict=True):
        if wanted and text not in _said_without_effect:
            _said_without_effect.add(text)
            _messages.warn(text)


def _begun(wish: _Wish, values: Mapping[str, Any], locked: Mapping[str, Any], *, make_current: bool) -> Run:
    settings = wish.settings
    # What cannot be kept is told before anything is made.
    _configure(Config(lambda changes, removed: None), values, locked)
    run, past = _disabled_run(wish) if settings.mode == "disabled" else _recorded_run(wish)
    _session.begin(run, make_current=make_current)
    _configure(run.config, values, locked)
    if past is not None and wish.fork is not None:
        run.config.setdefaults(past.config)
    elif past is not None and (run.resumed or settings.shared):
        run.config.adopt(past.config)
    return run


def _in_trial(
    settings: Settings, entity: str | None, project: str | None, run_id: str | None
) -> tuple[Settings, str | None, Mapping[str, Any]]:
    """What a sweep decides of a run: settings, id, and config values that are locked."""
    trial = trial_of(settings)
    if trial is not None:
        return *trial.begin_run(settings, entity, project, run_id), trial.parameters
    return settings, run_id, {} if settings.sweep_param_path is None else read_values(Path(settings.sweep_param_path))


def _configure(config: Config, values: Mapping[str, Any], locked: Mapping[str, Any]) -> None:
    config.update(values, allow_val_change=True)
    if locked:
        config.merge_locked(locked, "sweep")


def _wish(settings: Settings, given: Mapping[str, Any], tags: Sequence[str] | None, resume: Any) -> _Wish:
    known = {
        "run_id": settings.run_id,
        "name": settings.run_name,
        "group": settings.run_group,
        "job_type": settings.run_job_type,
        "notes": settings.run_notes,
    }
    said = known | {what: value for what, value in given.items() if value is not None}
    if said["run_id"] is not None:
        _check(names.run_id_problem(said["run_id"]))
    _check_texts({what: said[what] for what in ("name", "group", "job_type")}, limits.NAME_CHARACTERS_MAX)
    _check_texts({"notes": said["notes"]}, limits.STRING_BYTES_MAX)
    checked_tags = _checked_tags(settings.run_tags if tags is None else tags)
    wish = _Wish(
        settings,
        **said,
        tags=checked_tags,
        resume=_choice("resume", settings.resume if resume is None else resume, _RESUMES),
        fork=read_branch("fork_from", settings.fork_from),
        rewind=read_branch("resume_from", settings.resume_from),
    )
    return _branched(wish)


def _branched(wish: _Wish) -> _Wish:
    """The wish with the id of the run that it goes back in."""
    if [wish.resume, wish.fork, wish.rewind].count(None) < 2:
        raise UsageError("resume, fork_from and resume_from exclude each other: give one of them")
    if wish.fork is not None and wish.fork.run_id == wish.run_id:
        raise UsageError(f"fork_from takes another run than {wish.run_id}: to go back in that one use resume_from")
    if wish.rewind is not None and wish.run_id not in (None, wish.rewind.run_id):
        raise UsageError(f"resume_from={wish.rewind.run_id!r} goes on with that run, and id={wish.run_id!r} is another")
    return wish if wish.rewind is None else wish._replace(run_id=wish.rewind.run_id)


def _choice(what: str, value: object, choices: Mapping[object, Any]) -> Any:
    # By identity, since 1 is not True here.
    if value is None or isinstance(value, str | bool):
        for choice, meaning in choices.items():
            if choice == value and type(choice) is type(value):
                return meaning
    known = [choice for choice in choices if isinstance(choice, str)]
    allowed = ", ".join(map(repr, known))
    raise UsageError(f"{what} must be one of {allowed}, not {value!r:.80}{suggestion(str(value), known)}")


def _check(problem: str | None) -> None:
    if problem is not None:
        raise UsageError(problem)


def _check_texts(texts: Mapping[str, object], characters_max: int) -> None:
    for what, text in texts.items():
        _check(None if text is None else names.text_problem(what, text, characters_max))


def _checked_tags(tags: Sequence[str] | None) -> tuple[str, ...] | None:
    if tags is None:
        return None
    given = (tags,) if isinstance(tags, str) else tuple(tags)
    for tag in given:
        _check(names.tag_problem(tag))
    return tuple(dict.fromkeys(given))


def _returned(previous: Run, run_id: str | None, resume: object) -> Run:
    if run_id is not None and run_id != previous.id:
        if resume == "must":
            raise UsageError(
                f"resume='must' asks for run {run_id}, and run {previous.id} is open: finish it first, or use "
                "reinit='finish_previous' or 'create_new'"
            )
        _messages.warn(
            f"run {previous.id} is open and is returned instead of {run_id}: finish it first, or use "
            "reinit='finish_previous' or 'create_new'"
        )
    return previous


def _disabled_run(wish: _Wish) -> tuple[Run, None]:
    random = os.urandom(16)
    run_id = wish.run_id or names.run_id(random[:8])
    facts = RunFacts(
        entity=wish.settings.entity or "disabled",
        project=wish.settings.project or "disabled",
        run_id=run_id,
        name=wish.name or f"disabled-{run_id}",
        group=wish.group,
        job_type=wish.job_type,
        notes=wish.notes,
        tags=wish.tags or (),
        attempt=1,
        resumed=False,
        starting_step=0,
        start_time=time.time(),
    )
    return Run(facts, wish.settings, DisabledLane(), None, _session.end, _session.attached), None


def _recorded_run(wish: _Wish) -> tuple[Run, Past | None]:
    settings = wish.settings
    git = read_git(Path(working_directory())) if settings.git else None
    key = _run_key(wish, git)
    wish, note = _auto_resumed(wish, key)
    key = (*key[:2], wish.run_id or key[2])
    if any(run.path == "/".join(key) for run in _session.open_runs()):
        raise UsageError(f"run {'/'.join(key)} is open in this process: use another id, or finish it first")
    past = _past_of(wish, key)
    facts = _facts(wish, key, past)
    kind = "run_started" if facts.attempt == 1 else "run_resumed"
    lane = open_lane(
        settings,
        key,
        facts.starting_step,
        kind,
        lambda: _start_fields(wish, facts, past, git),
        order=(facts.attempt, 0.0),
        earlier=past.earlier() if past is not None and (facts.resumed or wish.fork) else None,
    )
    if wish.fork is not None:
        fork(lane, (*key[:2], wish.fork.run_id), wish.fork, past)
    elif wish.rewind is not None and past is not None:
        rewind(lane, wish.rewind, past)
    source = None
    if git is not None:
        source = SourceCapture(git, lambda fields: lane.put_event("source_captured", fields))
    run = Run(facts, settings, lane, source, _session.end, _session.attached, note)
    _introduce(run, past)
    lane.look_after_forwarder()
    return run, past


def _past_of(wish: _Wish, key: tuple[str, str, str]) -> Past | None:
    """What the run goes on from; None for a new one."""
    settings = wish.settings
    offline = settings.mode == "offline"
    ask = partial(find_past, spool_root=settings.spool_root, base_url=settings.base_url, offline=offline)
    if wish.fork is not None:
        origin = (*key[:2], wish.fork.run_id)
        if wish.run_id is not None and ask(key, resume="allow") is not None:
            raise UsageError(f"fork_from begins a run, and {'/'.join(key)} exists: give another id, or use resume")
        past = ask(origin, resume="allow", upto=wish.fork.step)
        if past is None:
            _messages.warn(
                f"nothing is known here of run {'/'.join(origin)}: its history is shown before that of this run once a "
                "server has both; config and summary begin empty"
            )
        return past
    if wish.rewind is not None:
        return ask(key, resume="must", upto=wish.rewind.step)
    if wish.run_id is None:
        if wish.resume == "must":
            raise UsageError("resume='must' takes the id of the run to go on with: give it as id=, or use 'auto'")
        return None
    assert wish.resume != "auto"
    # Whoever joins a run needs to know which attempt of it.
    return ask(key, resume=wish.resume or ("allow" if settings.shared else None))


def _auto_resumed(wish: _Wish, key: tuple[str, str, str]) -> tuple[_Wish, "AutoResume | None"]:
    """The wish with the run that ``resume="auto"`` means, and the note to keep of it."""
    if wish.resume != "auto":
        return wish, None
    from runwell._auto_resume import auto_resume

    note = auto_resume(wish.settings.root, *key[:2])
    if wish.run_id is not None:
        _messages.warn(f"resume='auto' and an id are given: run {wish.run_id} is continued or begun")
    run_id = wish.run_id or note.read()
    if wish.run_id is None and any(run.id == run_id for run in _session.open_runs()):
        # The note is that of a run which is open here, beside which this one is made.
        return wish._replace(resume=None), None
    wish = wish._replace(run_id=run_id, resume="allow")
    try:
        note.write(run_id or key[2])
    except OSError as error:
        _messages.warn(f"the run cannot be resumed by itself, since {note.path} cannot be written ({error})")
    return wish, note


def _run_key(wish: _Wish, git: GitState | None) -> tuple[str, str, str]:
    settings = wish.settings
    entity = user_name() if settings.entity is None else settings.entity
    project = settings.project
    if project is None:
        project = "uncategorized" if git is None else names.usable(git.repository, "uncategorized")
    _check(names.entity_problem(entity))
    _check(names.project_problem(project))
    return entity, project, wish.run_id or names.run_id(os.urandom(8))


def _facts(wish: _Wish, key: tuple[str, str, str], past: Past | None) -> RunFacts:
    branch = wish.fork or wish.rewind
    resumed = past is not None and (wish.resume or wish.rewind) is not None
    before = past.fields if past is not None and wish.fork is None else {}
    starting_step = past.last_step + 1 if past is not None and resumed and past.last_step is not None else 0
    if branch is not None:
        starting_step = branch.step + 1
    return RunFacts(
        *key,
        name=wish.name or before.get("name") or names.run_name(os.urandom(8)),
        group=before.get("group") if wish.group is None else wish.group,
        job_type=before.get("job_type") if wish.job_type is None else wish.job_type,
        notes=before.get("notes") if wish.notes is None else wish.notes,
        tags=before.get("tags", ()) if wish.tags is None else wish.tags,
        attempt=1 if past is None or wish.fork else past.attempts + (not wish.settings.shared),
        resumed=resumed,
        starting_step=starting_step,
        start_time=time.time(),
        earlier_s=past.duration_s if past is not None and resumed else 0.0,
        earlier_row=past.last_row if past is not None and (resumed or wish.fork) else None,
    )


def _start_fields(wish: _Wish, facts: RunFacts, past: Past | None, git: GitState | None) -> dict[str, Any]:
    given: dict[str, Any] = {"group": wish.group, "job_type": wish.job_type, "notes": wish.notes}
    fields = {name: value for name, value in given.items() if value is not None}
    if past is None or wish.fork or wish.name is not None:
        fields["name"] = facts.name
    if wish.tags is not None:
        fields["tags"] = {"values": list(wish.tags)}
    if wish.settings.prometheus_metrics:
        fields["prometheus_metrics"] = {"values": list(wish.settings.prometheus_metrics)}
    if wish.settings.sweep_id is not None:
        fields["sweep_id"] = wish.settings.sweep_id
        if wish.settings.sweep_trial is not None:
            fields["sweep_trial"] = wish.settings.sweep_trial
    started: dict[str, Any] = {"fields": fields, "process": process_fields(VERSION)}
    if git is not None:
        started["git"] = git.fields()
    if wish.resume is not None:
        started["resume"] = wish.resume
    if past is not None and facts.attempt > 1:
        started["attempt"] = facts.attempt
        started["parents"] = [bytes.fromhex(writer) for writer in sorted(past.writers)]
        started["starting_step"] = facts.starting_step
    return started


def _introduce(run: Run, past: Past | None) -> None:
    what = f"run {run.id} ({run.name}) of {run.entity}/{run.project}"
    if run.settings.fork_from is not None:
        what += f" goes on from {run.settings.fork_from.replace('?_step=', ' after step ')}"
    elif past is not None and run.settings.shared:
        what += f", attempt {run.attempt}, which other processes write as well"
    elif past is not None and run.resumed:
        what += f", attempt {run.attempt}, goes on at step {run.starting_step}"
    elif past is not None:
        what += f" exists: this is its attempt {run.attempt}, from step 0. Use resume='allow' to go on where it stopped"
    where = run.url or f"kept in {run.spool}"
    _messages.say(f"{what}; {where}")
    if run.settings.mode == "online" and run.url is None:
        _messages.say("no server is known: start one with `runwell up` and send the run with `runwell sync`")
