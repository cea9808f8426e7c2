"""Names of entities, projects and runs: what they may contain, and how a run's own are made."""

import re

from runwell.core.limits import PROJECT_CHARACTERS_MAX, RUN_ID_CHARACTERS_MAX, TAG_CHARACTERS_MAX

RUN_ID_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
RUN_ID_CHARACTERS = 8
"""36**8 ids: among a million runs of a project, one more has a chance of 1 in 2.8 million to meet an id in use."""

SWEEP_STREAM = "sweep:"
"""Streams of the log whose run id begins so are those of sweeps."""

SAVED_STREAM = "saved:"
"""Streams of the log whose run id begins so are those of saved views and reports. No run can have such an id."""

ARTIFACT_STREAM = "artifacts:"
"""The run id of a project's stream of decisions and wishes about artifacts. No run can have it."""

_FORBIDDEN = re.compile(r"[/\\#?%:;,'\x00-\x1f\x7f\ud800-\udfff]")

_SWEEP_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ADJECTIVES = _words(
    "amber ample apt arctic balmy bold brave breezy bright brisk calm candid clear clever cosy crisp deft dewy eager early "
    "earnest fair fleet fond fresh frosty gentle gilded glad golden grand hardy hazel honest humble ivory jolly keen kind "
    "lively lucid lucky lunar mellow merry mild misty modest neat nimble noble olive open placid plucky polar proud quick "
    "quiet rapid ready robust rosy royal rustic sandy serene sharp silent silver sleek smooth snowy solar solid sound spry "
    "stable steady still stout sturdy sunny swift tidal tidy true upbeat valiant velvet verdant vivid warm wise witty zesty"
)

_NOUNS = _words(
    "acorn alder anchor aspen badger basin beacon birch bluff brook canyon cedar cliff clover comet coral cove crane creek "
    "delta dune eagle elm ember falcon fern finch fjord forest fountain garden geyser glacier glade grove gull harbor hare "
    "harvest hawk hazel heath heron hill inlet island ivy jay juniper kestrel lagoon lake lark laurel lichen linden lynx "
    "maple marsh meadow mesa moor moss oak oasis orchard osprey otter owl peak pebble pine plateau pond poplar prairie "
    "raven reed reef ridge river robin sage shore spring spruce stream summit swallow tarn thicket tide trail trout valley "
    "walnut willow wren"
)


def run_id(random: bytes) -> str:
    """A run id of 8 characters out of at least 8 random bytes."""
    number = int.from_bytes(random, "little")
    characters = []
    for _ in range(RUN_ID_CHARACTERS):
        number, digit = divmod(number, len(RUN_ID_ALPHABET))
        characters.append(RUN_ID_ALPHABET[digit])
    return "".join(characters)


def run_name(random: bytes) -> str:
    """A name to remember a run by, such as "quiet-heron-412", out of at least 8 random bytes. Not unique."""
    number, adjective = divmod(int.from_bytes(random, "little"), len(_ADJECTIVES))
    number, noun = divmod(number, len(_NOUNS))
    return f"{_ADJECTIVES[adjective]}-{_NOUNS[noun]}-{number % 1000}"


def problem(what: str, name: object, characters_max: int) -> str | None:
    """Why ``name`` cannot be used as ``what``; None when it can."""
    if not isinstance(name, str):
        return f"{what} must be a string, and {name!r:.80} is of type {type(name).__name__}"
    if not name or name != name.strip():
        return f"{what} {name!r:.80} is empty or begins or ends with a blank: give at least one character that is none"
    if len(name) > characters_max:
        return f"{what} has {len(name):,} characters, and the limit is {characters_max}: choose a shorter one"
    forbidden = _FORBIDDEN.search(name)
    if forbidden or name in (".", ".."):
        character = forbidden.group() if forbidden else name
        return f"{what} {name!r} contains {character!r}: use letters, digits, '-', '_', '.' and blanks within"
    return None


def run_id_problem(name: object) -> str | None:
    """Why ``name`` is no run id; None when it is one."""
    return problem("run id", name, RUN_ID_CHARACTERS_MAX)


def sweep_stream(sweep_id: str) -> str:
    """The run id of a sweep's own stream in the log. No run can have it."""
    return SWEEP_STREAM + sweep_id


def is_sweep_stream(run_id: str) -> bool:
    """Whether it is the name of a sweep's stream."""
    return run_id.startswith(SWEEP_STREAM)


def stream_problem(name: object) -> str | None:
    """Why ``name`` is neither a run id nor the name of a stream of a sweep or of something saved."""
    if isinstance(name, str):
        prefix = next((prefix for prefix in (SWEEP_STREAM, SAVED_STREAM) if name.startswith(prefix)), "")
        return run_id_problem(name.removeprefix(prefix))
    return run_id_problem(name)


def project_problem(name: object) -> str | None:
    """Why ``name`` is no project; None when it is one."""
    return problem("project", name, PROJECT_CHARACTERS_MAX)


def entity_problem(name: object) -> str | None:
    """Why ``name`` is no entity; None when it is one."""
    return problem("entity", name, PROJECT_CHARACTERS_MAX)


def tag_problem(tag: object) -> str | None:
    """Why ``tag`` is no tag; None when it is one."""
    if not isinstance(tag, str) or not 1 <= len(tag) <= TAG_CHARACTERS_MAX:
        return f"tag {tag!r:.80} must be a string of 1 to {TAG_CHARACTERS_MAX} characters"
    return None


def sweep_parameter_problem(name: object) -> str | None:
    """Why ``name`` cannot be a sweep's parameter; None when it can. Commands get it as an option, so it is plain."""
    if isinstance(name, str) and _SWEEP_PARAMETER.fullmatch(name):
        return None
    return "is no parameter's name: begin with a letter or '_', and go on with letters, digits, '_', '.' and '-'"


def text_problem(what: str, text: object, characters_max: int) -> str | None:
    """Why ``text`` cannot be a run's name, group, job type or notes; None when it can."""
    if not isinstance(text, str):
        return f"{what} must be a string, and {text!r:.80} is of type {type(text).__name__}"
    if len(text) > characters_max:
        return f"{what} has {len(text):,} characters, and the limit is {characters_max:,}: keep long texts in files"
    return None


def usable(text: str, fallback: str) -> str:
    """``text`` made into a project or an entity: for names that come from the system, not from the user."""
    cleaned = _FORBIDDEN.sub("-", text).strip()[:PROJECT_CHARACTERS_MAX].strip()
    return cleaned if cleaned and cleaned not in (".", "..") else fallback
