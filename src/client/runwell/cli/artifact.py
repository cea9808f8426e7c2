"""``runwell artifact``: logs, fetches, lists and removes artifacts, and looks after the cache of downloaded ones."""

import argparse
import os
import sys
from collections.abc import Callable

DESCRIPTION = """Files with versions: put logs a file or directory, get fetches one, ls lists, rm removes a version, cache says
what is kept of downloads on this machine and makes room."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares the command."""
    parser = subparsers.add_parser("artifact", help="log, fetch and list files with versions", description=DESCRIPTION)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    put = actions.add_parser("put", help="log a file or directory")
    put.add_argument("path", help="a file, a directory, or a URI, which is only referred to")
    put.add_argument("--name", "-n", help="[[ENTITY/]PROJECT/]NAME (default: the path's last part)")
    put.add_argument("--type", "-t", default="dataset", help="what kind of thing it is (default: %(default)s)")
    put.add_argument("--alias", "-a", action="append", help="what the version is called; may be given several times")
    put.add_argument("--description", "-d", help="what is said of it")
    put.set_defaults(run=lambda options: _told(_put, options))
    get = actions.add_parser("get", help="fetch a version")
    get.add_argument("name", help="ENTITY/PROJECT/NAME:VERSION; VERSION is v3, an alias or a digest")
    get.add_argument("--root", help="the folder (default: artifacts/NAME:VERSION)")
    get.add_argument("--type", "-t", help="refuse another type")
    get.set_defaults(run=lambda options: _told(_get, options))
    ls = actions.add_parser("ls", help="list collections, or the versions or files of one")
    ls.add_argument("path", nargs="?", help="PROJECT, ENTITY/PROJECT, ENTITY/PROJECT/NAME, or that with :VERSION")
    ls.add_argument("--type", "-t", help="only this type")
    ls.set_defaults(run=lambda options: _told(_ls, options))
    rm = actions.add_parser("rm", help="remove a version; its number is not used again")
    rm.add_argument("name", help="ENTITY/PROJECT/NAME:VERSION")
    rm.add_argument("--delete-aliases", action="store_true", help="also when it has aliases")
    rm.set_defaults(run=lambda options: _told(_rm, options))
    cache = actions.add_parser("cache", help="what is kept of downloads on this machine")
    cache.add_argument(
        "--shrink-to", type=float, metavar="MB", help="remove what was used longest ago until so much is left"
    )
    cache.set_defaults(run=lambda options: _told(_cache, options))


def _told(action: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    from runwell.errors import Error

    try:
        return action(options)
    except (Error, ValueError) as error:
        print(f"runwell: {error}", file=sys.stderr)
        return 1


def _put(options: argparse.Namespace) -> int:
    import runwell

    path = options.path.rstrip("/")
    wanted = options.name or os.path.basename(path)
    *place, name = wanted.split("/")
    artifact = runwell.Artifact(name, options.type, options.description)
    if "://" in path:
        artifact.add_reference(path)
    elif os.path.isdir(path):
        artifact.add_dir(path)
    else:
        artifact.add_file(path)
    entity, project = [None, None, *place][-2:]
    settings = {"quiet": True, "system_metrics": False}
    with runwell.init(entity=entity, project=project, job_type="artifact", settings=settings) as run:
        logged = run.log_artifact(artifact, aliases=options.alias)
        if run.offline:
            print(f"{name} is kept here, and gets its version by `runwell sync`")
            return 0
        logged.wait()
    print(f"{logged.qualified_name}\t{logged.file_count} files\t{logged.size:,} bytes\t{','.join(logged.aliases)}")
    return 0


def _get(options: argparse.Namespace) -> int:
    import runwell

    print(runwell.Api().artifact(options.name, options.type).download(options.root))
    return 0


def _ls(options: argparse.Namespace) -> int:
    import runwell

    api = runwell.Api()
    path = (options.path or "").strip("/")
    if ":" in path:
        for entry in api.artifact(path).files():
            print(f"{entry.size:>14,}  {entry.path}" + (f"  -> {entry.ref}" if entry.ref else ""))
        return 0
    if path.count("/") == 2:
        place, _ = api.placed(path)
        for version in api.artifact_server().collection(place)["versions"]:
            print(
                f"{version['version']:>6}  {version['bytes']:>14,} bytes  {version['file_count']:>8,} files  {','.join(version['aliases'])}"
            )
        return 0
    entity, _, project = path.rpartition("/")
    for view in api.artifact_server().collections(entity or None, project or None, options.type):
        shown = f"{view['entity']}/{view['project']}/{view['name']}"
        print(
            f"{shown}  {view['type']}  {view['version_count']} versions  {view['latest'] or '-'}  {view['bytes']:,} bytes"
        )
    return 0


def _rm(options: argparse.Namespace) -> int:
    import runwell

    artifact = runwell.Api().artifact(options.name)
    artifact.delete(delete_aliases=options.delete_aliases)
    print(f"{artifact.qualified_name} is removed")
    return 0


def _cache(options: argparse.Namespace) -> int:
    from runwell.artifacts.cache import ArtifactCache
    from runwell.artifacts.roots import current_root

    cache = ArtifactCache(current_root())
    if options.shrink_to is not None:
        freed = cache.shrink(int(options.shrink_to * 1e6))
        print(f"{freed / 1e6:,.1f} MB freed")
    files = cache.files()
    print(f"{cache.directory}: {len(files):,} files, {sum(file.bytes for file in files) / 1e6:,.1f} MB")
    return 0
