"""Writes a typed client from what `schema --out EXPORT` wrote: python generate.py EXPORT OUT"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

HEAD = '''"""The server's tools, typed. Written by generate.py."""

from .jobs import Jobs
'''
METHOD = '''
    async def {name}(self, args: {input}) -> {result}:
        """{doc}"""
        given = args.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return {result}.model_validate(await self.run("{name}", given))
'''


def classes(schema: Path, module: Path) -> str:
    """Writes the classes of a schema; the name of the first."""
    program = Path(sys.executable).parent / "datamodel-codegen"
    options = [
        "--input", schema, "--input-file-type", "jsonschema", "--output", module,
        "--output-model-type", "pydantic_v2.BaseModel", "--target-python-version", "3.11",
        "--use-title-as-name", "--use-annotated", "--formatters", "builtin", "--disable-timestamp",
    ]
    subprocess.run([program, *options], check=True)
    return json.loads(schema.read_text())["title"]


def main(export: Path, out: Path) -> None:
    """Writes a package."""
    out.mkdir(parents=True, exist_ok=True)
    imports, methods = "", ""
    for tool in json.loads((export / "catalog.json").read_text())["tools"]:
        name, parts = tool["name"], {}
        for part in ("input", "result"):
            module = out / f"{name}_{part}.py"
            parts[part] = classes(export / "tools" / name / f"{part}.schema.json", module)
            imports += f"from .{module.stem} import {parts[part]}\n"
        doc = tool.get("description", name).replace("\\", "\\\\").replace('"""', "'''")
        methods += METHOD.format(name=name, doc=doc, **parts)
    (out / "__init__.py").write_text("")
    (out / "client.py").write_text(f"{HEAD}{imports}\n\nclass Server(Jobs):\n{methods.lstrip(chr(10))}")
    shutil.copy(Path(__file__).with_name("jobs.py"), out)


main(Path(sys.argv[1]), Path(sys.argv[2]))
