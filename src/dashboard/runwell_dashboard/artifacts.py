"""Artifacts over HTTP: collections, versions, their files, and where they came from and went to."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from runwell.core.artifacts.catalogue import Catalogue, Collection, Version
from runwell.core.artifacts.manifest import Entry, ManifestError, read_manifest
from runwell.core.artifacts.naming import Place
from runwell_collector.blobs import StoreError
from runwell_dashboard import parameters
from runwell_dashboard.addresses import segment
from runwell_dashboard.answers import RequestError, answer
from runwell_dashboard.artifact_views import collection_view, run_of, version_view
from runwell_dashboard.blobs import store_of
from runwell_dashboard.runs import consistent, reader_of, run_name
from runwell_projector.query import Use, Views

FILES_LIMIT = 1_000
FILES_LIMIT_MAX = 100_000
COLLECTIONS_LIMIT_MAX = 10_000
LINEAGE_STEPS = 3
LINEAGE_STEPS_MAX = 10
LINEAGE_NODES_MAX = 500
"""Of one graph; what lies further on is left out, and the answer says so."""


def place_of(request: Request) -> Place:
    """The collection in the path."""
    return Place(segment(request, "entity"), segment(request, "project"), segment(request, "name"))


async def list_artifacts(request: Request) -> Response:
    """``{"artifacts": [collection, …]}``: those of an entity, a project or a type, by name."""
    query = request.query_params
    entity, project, kind = query.get("entity") or None, query.get("project") or None, query.get("type") or None
    limit = parameters.integer(query, "limit", COLLECTIONS_LIMIT_MAX, 0, COLLECTIONS_LIMIT_MAX)

    def collections(views: Views) -> list[dict[str, Any]]:
        found = []
        for place in views.artifact_projects(entity):
            if project in (None, place[1]):
                its = views.catalogue(*place).collections
                found += [
                    collection_view(Place(*place, name), its[name])
                    for name in sorted(its)
                    if kind in (None, its[name].type)
                ]
        return found[:limit]

    return answer({"artifacts": await reader_of(request).ask(collections, consistent=consistent(request))})


async def show_collection(request: Request) -> Response:
    """A collection with all its versions, the newest first."""
    place = place_of(request)

    def shown(views: Views) -> dict[str, Any]:
        collection = _collection(views.catalogue(place.entity, place.project), place)
        versions = [
            version_view(place, collection, version) for version in reversed(collection.versions) if not version.deleted
        ]
        return {**collection_view(place, collection), "versions": versions}

    return answer(await reader_of(request).ask(shown, consistent=consistent(request)))


async def show_version(request: Request) -> Response:
    """A version, by ``v`` and its number, an alias or its digest, with the runs that logged and used it."""
    place, wanted = place_of(request), segment(request, "version")

    def shown(views: Views) -> dict[str, Any]:
        collection, version = find_version(views, place, wanted)
        uses = [use for use in views.artifact_users(place) if use.version == f"v{version.number}"]
        return {**version_view(place, collection, version), "used_by": [run_of(use.run) for use in uses]}

    return answer(await reader_of(request).ask(shown, consistent=consistent(request)))


async def list_files(request: Request) -> Response:
    """``{"total", "bytes", "files": [{"path", "sha256", "bytes", "reference", "etag"}]}``: a version's, by path."""
    query = request.query_params
    offset = parameters.integer(query, "offset", 0, 0, parameters.INTEGER_MAX)
    limit = parameters.integer(query, "limit", FILES_LIMIT, 0, FILES_LIMIT_MAX)
    place, wanted, prefix = place_of(request), segment(request, "version"), query.get("prefix", "")
    asked = reader_of(request).ask(lambda views: find_version(views, place, wanted)[1], consistent=consistent(request))
    entries = await _entries(request, await asked)
    chosen = [entry for entry in entries if entry.path.startswith(prefix)]
    files = [entry._asdict() for entry in chosen[offset : offset + limit]]
    return answer({"total": len(chosen), "bytes": sum(entry.bytes for entry in chosen), "files": files})


async def _entries(request: Request, version: Version) -> list[Entry]:
    try:
        entries = read_manifest(await store_of(request).read(version.manifest))
    except FileNotFoundError:
        raise RequestError(404, "blob_uploading", "the list of files has not arrived yet", retry_after_s=2) from None
    except (ManifestError, StoreError) as error:
        raise RequestError(503, "blob_store_unreachable", str(error), retry_after_s=1) from None
    return sorted(entries.values())


async def show_logging(request: Request) -> Response:
    """``{"state": "pending", "committed" or "refused", "reason", "version"}``: what became of an artifact that was logged."""
    entity, project, logged_id = (segment(request, name) for name in ("entity", "project", "logged_id"))

    def shown(views: Views) -> dict[str, Any]:
        catalogue = views.catalogue(entity, project)
        if logged_id in catalogue.refused_ids:
            return {"state": "refused", "reason": catalogue.refused_ids[logged_id], "version": None}
        if logged_id not in catalogue.by_id:
            return {"state": "pending", "reason": "not everything of it has arrived yet", "version": None}
        name, number = catalogue.by_id[logged_id]
        collection = catalogue.collections[name]
        version = version_view(Place(entity, project, name), collection, collection.versions[number])
        return {"state": "committed", "reason": "", "version": version}

    return answer(await reader_of(request).ask(shown, consistent=consistent(request)))


async def list_of_run(request: Request) -> Response:
    """``{"logged": [{"state", "name", "type", …}], "used": [version, …]}``: the artifacts of a run."""
    run = run_name(request)

    def shown(views: Views) -> dict[str, Any]:
        catalogue = views.catalogue(*run[:2])
        logged = []
        for event in views.artifacts_logged(run):
            said = event.artifact_logged
            known = catalogue.by_id.get(said.id)
            state = "refused" if said.id in catalogue.refused_ids else "pending" if known is None else "committed"
            view = {"entity": run[0], "project": run[1], "name": said.name, "type": said.type, "digest": said.sha256}
            if known is not None:
                collection = catalogue.collections[known[0]]
                view = version_view(Place(*run[:2], known[0]), collection, collection.versions[known[1]])
            logged.append({**view, "state": state, "logged_at": event.time})
        return {"logged": logged, "used": [_used_view(views, use) for use in views.artifacts_used(run)]}

    return answer(await reader_of(request).ask(shown, consistent=consistent(request)))


def _used_view(views: Views, use: Use) -> dict[str, Any]:
    collection = views.catalogue(use.place.entity, use.place.project).collections.get(use.place.name)
    version = collection.find(use.version) if collection is not None else None
    if collection is None or version is None:
        return {**use.place._asdict(), "version": use.version, "deleted": True}
    return version_view(use.place, collection, version)


async def show_lineage(request: Request) -> Response:
    """``{"nodes", "edges", "complete"}``: the graph of runs and versions around one version, so many ``steps`` each way.

    A node is ``{"id", "kind": "artifact" or "run", …}``; an edge ``{"from", "to"}`` leads from a run to what it logged, from
    a version to a run that used it, and from a version to a link of it.
    """
    steps = parameters.integer(request.query_params, "steps", LINEAGE_STEPS, 1, LINEAGE_STEPS_MAX)
    place, wanted = place_of(request), segment(request, "version")

    def shown(views: Views) -> dict[str, Any]:
        _, version = find_version(views, place, wanted)
        return Lineage(views).around(place, version.number, steps)

    return answer(await reader_of(request).ask(shown, consistent=consistent(request)))


class Lineage:
    """Walks from version to run and from run to version, in breadth."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._nodes: dict[str, dict[str, Any]] = {}
        self._edges: set[tuple[str, str]] = set()

    def around(self, place: Place, number: int, steps: int) -> dict[str, Any]:
        """The graph."""
        front = [self._version(place, number)]
        for _ in range(steps):
            following: list[str] = []
            for node in front:
                if len(self._nodes) < LINEAGE_NODES_MAX:
                    following += self._neighbours(self._nodes[node])
            front = list(dict.fromkeys(following))
        complete = not front or len(self._nodes) < LINEAGE_NODES_MAX
        edges = [{"from": start, "to": end} for start, end in sorted(self._edges)]
        return {"nodes": list(self._nodes.values()), "edges": edges, "complete": complete}

    def _neighbours(self, node: dict[str, Any]) -> list[str]:
        before = set(self._nodes)
        if node["kind"] == "run":
            self._of_run((node["entity"], node["project"], node["run_id"]), node["id"])
        else:
            self._of_version(Place(node["entity"], node["project"], node["name"]), node)
        return [name for name in self._nodes if name not in before]

    def _of_version(self, place: Place, node: dict[str, Any]) -> None:
        for use in self._views.artifact_users(place):
            if use.version == node["version"]:
                self._edges.add((node["id"], self._run(use.run)))
        if node["run"] is not None and node["source"] is None:
            run = node["run"]
            self._edges.add((self._run((run["entity"], run["project"], run["run_id"])), node["id"]))
        if node["source"] is not None:
            source = node["source"]
            origin = self._version(
                Place(source["entity"], source["project"], source["name"]), int(source["version"][1:])
            )
            self._edges.add((origin, node["id"]))

    def _of_run(self, run: tuple[str, str, str], node: str) -> None:
        for use in self._views.artifacts_used(run):
            catalogue = self._views.catalogue(use.place.entity, use.place.project)
            collection = catalogue.collections.get(use.place.name)
            if collection is not None and (version := collection.find(use.version)):
                self._edges.add((self._version(use.place, version.number), node))
        catalogue = self._views.catalogue(*run[:2])
        for event in self._views.artifacts_logged(run):
            if known := catalogue.by_id.get(event.artifact_logged.id):
                self._edges.add((node, self._version(Place(*run[:2], known[0]), known[1])))

    def _run(self, run: tuple[str, str, str]) -> str:
        name = "/".join(run)
        if name not in self._nodes:
            view = self._views.run(*run) or {}
            told = {field: view.get(field) for field in ("name", "job_type", "state")}
            self._nodes[name] = {"id": name, "kind": "run", **run_of(run), **told}
        return name

    def _version(self, place: Place, number: int) -> str:
        name = f"{place}:v{number}"
        if name not in self._nodes:
            collection = self._views.catalogue(place.entity, place.project).collections[place.name]
            view = version_view(place, collection, collection.versions[number])
            self._nodes[name] = {"id": name, "kind": "artifact", **view}
        return name


def find_version(views: Views, place: Place, wanted: str) -> tuple[Collection, Version]:
    """Raises RequestError when there is no such version."""
    collection = _collection(views.catalogue(place.entity, place.project), place)
    version = collection.find(wanted)
    if version is None:
        raise RequestError(404, "artifact_not_found", f"there is no artifact {place}:{wanted[:200]}")
    return collection, version


def _collection(catalogue: Catalogue, place: Place) -> Collection:
    collection = catalogue.collections.get(place.name)
    if collection is None:
        raise RequestError(404, "artifact_not_found", f"there is no artifact {str(place)[:400]}")
    return collection
