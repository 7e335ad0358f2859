"""What every typed client of a bgjob server does: start a job, follow it, fetch its result whole, however large."""

from typing import Any

from mcp import ClientSession


class JobFailed(Exception):
    """A job that ended without a result, or a call that was refused before there was one."""

    def __init__(self, reply: dict[str, Any]) -> None:
        self.reply = reply
        error = reply.get("error") or {}
        super().__init__(f"{error.get('code', reply['state'])}: {error.get('message', 'there is no result')}")


class Jobs:
    """A session with the server."""

    def __init__(self, session: ClientSession) -> None:
        self.session = session

    async def run(self, tool: str, args: dict[str, Any]) -> Any:
        """Runs a tool to its end. The server's `next` says which call to make, and how long it may take."""
        reply = await self._call(tool, args)
        while reply["state"] in ("queued", "running"):
            reply = await self._call(reply["next"]["tool"], reply["next"]["args"])
        if reply["state"] != "completed":
            raise JobFailed(reply)
        return reply["result"] if "result" in reply else await self._part(reply["job_id"], "")

    async def _call(self, name: str, args: dict[str, Any]) -> dict[str, Any]:
        result = await self.session.call_tool(name, args)
        reply: dict[str, Any] | None = result.structured_content
        assert reply is not None, "the server answers with structured content"
        if result.is_error:
            raise JobFailed(reply)
        return reply

    async def _part(self, job_id: str, pointer: str) -> Any:
        """The part of a result that `pointer` names: page by page where one reply cannot hold it."""
        asked = {"job_id": job_id, "pointer": pointer, "max_bytes": 61440}
        reply = await self._call("get_job_results", {**asked, "offset": 0})
        if "page" not in reply:
            return reply["result"] if "result" in reply else reply["value"]
        steps = pointer.count("/") + 1
        members = [inner for inner in reply.get("outline", {}) if inner.count("/") == steps]
        pieces: list[Any] = []
        at: int | None = 0
        while at is not None and at < reply["page"]["total"]:
            if at > 0:
                reply = await self._call("get_job_results", {**asked, "offset": at})
            if reply["page"]["count"] > 0:
                pieces.append(reply["value"])
                at = reply["page"].get("next_offset")
                continue
            # One item alone is larger than a reply: an array names it in `next`, an object in its outline.
            item = reply.get("next", {}).get("args", {}).get("pointer")
            value = await self._part(job_id, item or members[at])
            name = members[at].rsplit("/", 1)[1].replace("~1", "/").replace("~0", "~") if item is None else ""
            pieces.append([value] if item else {name: value})
            at += 1
        if isinstance(pieces[0], str):
            return "".join(pieces)
        if isinstance(pieces[0], list):
            return [item for piece in pieces for item in piece]
        return {name: value for piece in pieces for name, value in piece.items()}
