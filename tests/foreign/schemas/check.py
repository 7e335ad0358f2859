"""What exported schemas are to datamodel-code-generator: code that loads, and that takes what ours takes.

Usage: python check.py OUT EXPORT... ; prints one line a check, `ok` or `FAIL` first.
"""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError


def generate(schema: Path, module: Path) -> None:
    """Writes the classes of a schema."""
    options = [
        "--input", schema, "--input-file-type", "jsonschema", "--output", module,
        "--output-model-type", "pydantic_v2.BaseModel", "--target-python-version", "3.11",
        "--use-title-as-name", "--formatters", "builtin", "--disable-timestamp",
    ]
    program = Path(sys.executable).parent / "datamodel-codegen"
    done = subprocess.run([program, *options], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1])


def load(module: Path):
    """The generated module, imported."""
    spec = importlib.util.spec_from_file_location(module.stem, module)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[module.stem] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def check(schema: Path, module: Path) -> None:
    """Generates, loads, and builds the validator of every class."""
    generate(schema, module)
    loaded = load(module)
    title = json.loads(schema.read_text())["title"]
    root = getattr(loaded, title, None)
    if root is None:
        raise RuntimeError(f"no class {title}")
    adapter = TypeAdapter(root)
    for value in list(vars(loaded).values()):
        if isinstance(value, type) and issubclass(value, BaseModel):
            TypeAdapter(value)
    required = json.loads(schema.read_text()).get("required")
    if required:
        try:
            adapter.validate_python({})
        except ValidationError:
            return
        raise RuntimeError(f"takes an object without {required[0]}")


def main() -> None:
    """Checks every named schema of every export."""
    out = Path(sys.argv[1]) / "py"
    out.mkdir(parents=True, exist_ok=True)
    for root in map(Path, sys.argv[2:]):
        files = sorted(root.glob("tools/*/*.schema.json")) + [root / "job.schema.json"]
        for schema in files:
            name = f"{root.name}/{schema.relative_to(root)}"
            module = out / ("m_" + "".join(c if c.isalnum() else "_" for c in name) + ".py")
            try:
                check(schema, module)
                print(f"ok datamodel-code-generator {name}")
            except Exception as error:  # whatever the generated code raises is the finding
                print(f"FAIL datamodel-code-generator {name}: {str(error).splitlines()[0]}")


main()
