"""The official Python SDK as the client of the quick start: lists the tools, calls `fill`, and follows what each reply
says to do next. quick_start.py CONFIGURATION: a server's entry as clients have it, in JSON."""

import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main(server: dict) -> None:
    parameters = StdioServerParameters(command=server["command"], args=server["args"])
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        tools = [tool.name for tool in (await session.list_tools()).tools]
        handle = (await session.call_tool("fill", {"litres": 3})).structured_content
        reply = handle
        while reply["state"] in ("queued", "running"):
            follow = reply["next"]
            reply = (await session.call_tool(follow["tool"], follow["args"])).structured_content
        print(json.dumps({"tools": tools, "handle": handle, "end": reply}))


asyncio.run(main(json.loads(sys.argv[1])))
