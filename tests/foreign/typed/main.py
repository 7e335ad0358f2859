"""The generated client against the example server: python main.py SERVER DATA_DIR BASIS_JSON, beside the package `digester`."""

import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from pydantic import ValidationError

from digester.client import Server
from digester.heuristic_sizing_input import HeuristicSizingInput
from digester.jobs import JobFailed
from digester.set_basis_input import SetBasisInput
from digester.simulate_input import SimulateInput


async def main(server: str, data_dir: str, basis_file: str) -> None:
    """Runs a chain, typed from end to end."""
    parameters = StdioServerParameters(command=server, args=["--data-dir", data_dir, "serve"])
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        digester = Server(session)
        with open(basis_file, encoding="utf-8") as file:
            await digester.set_basis(SetBasisInput.model_validate(json.load(file)))
        size = await digester.heuristic_sizing(HeuristicSizingInput())
        run = await digester.simulate(SimulateInput(days=60, records_per_day=24))
        volume: float = size.liquid_volume_m3
        days: float = run.time_series[-1].day
        # The classes refuse a wrong call before there is one.
        try:
            SimulateInput.model_validate({"dayz": 60})
            misspelt = "taken"
        except ValidationError as error:
            misspelt = error.errors()[0]["type"]
        # What only the server can know is its error.
        try:
            await digester.run("simulate", {"dayz": 60})
            refused = "nothing"
        except JobFailed as failed:
            refused = failed.reply["error"]["code"]
        seen = {"volume": volume, "days": days, "records": len(run.time_series), "misspelt": misspelt, "refused": refused}
        print(json.dumps(seen))


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3]))
