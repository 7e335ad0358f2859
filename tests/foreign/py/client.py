"""The official Python SDK as a client of the example server: starts a chain of jobs, waits, pages through a
large result, reads the state, and is refused in a way that a model could act on.

python client.py SERVER DATA_DIR BASIS_JSON, or python client.py URL TOKEN BASIS_JSON for a server on HTTP: prints what it saw as one JSON object; any surprise is an
exception. The SDK itself checks every structured result against the schema that the server listed.
"""

import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client


def connect(server: str, data_dir: str):
    if server.startswith("http:"):
        client = create_mcp_http_client(headers={"Authorization": f"Bearer {data_dir}"})
        return streamable_http_client(server, http_client=client)
    return stdio_client(StdioServerParameters(command=server, args=["--data-dir", data_dir, "serve"]))


async def main(server: str, data_dir: str, basis_file: str) -> None:
    async with connect(server, data_dir) as (read, write), ClientSession(read, write) as session:
        await session.initialize()

        async def call(name: str, args: dict) -> dict:
            result = await session.call_tool(name, args)
            structured = result.structured_content
            assert json.loads(result.content[0].text) == structured, f"{name}: the text differs"
            return {**structured, "isError": bool(result.is_error)}

        async def finish(reply: dict) -> dict:
            while reply["state"] in ("queued", "running"):
                reply = await call(reply["next"]["tool"], reply["next"]["args"])
            assert reply["state"] == "completed", reply
            return reply

        tools = (await session.list_tools()).tools
        with open(basis_file, encoding="utf-8") as file:
            started = [await call("set_basis", json.load(file))]
        started.append(await call("heuristic_sizing", {}))
        started.append(await call("simulate", {"days": 60}))
        for reply in started:
            done = await finish(reply)

        outline = await call(done["next"]["tool"], done["next"]["args"])
        pointer = outline["next"]["args"]["pointer"]
        page = await call(
            "get_job_results",
            {"job_id": done["job_id"], "pointer": pointer, "count": 400, "max_bytes": 61440},
        )
        total, records, pages = page["page"]["total"], 0, 0
        while True:
            records += len(page["value"])
            pages += 1
            if "next" not in page:
                break
            page = await call(page["next"]["tool"], page["next"]["args"])
        state = await call("get_state", {"field": "simulation"})
        refusal = await call("simulate", {"dayz": 60})
        print(
            json.dumps(
                {
                    "tools": [tool.name for tool in tools],
                    "outline": outline["outline"],
                    "pointer": pointer,
                    "total": total,
                    "records": records,
                    "pages": pages,
                    "state": state["fields"][0],
                    "has_value": "value" in state,
                    "refusal": refusal,
                }
            )
        )


asyncio.run(main(*sys.argv[1:4]))
