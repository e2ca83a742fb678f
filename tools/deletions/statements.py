"""The statements of a module, and the code of the module without one of them."""

from __future__ import annotations

import ast
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
WITHOUT_EFFECT = (ast.Global, ast.Import, ast.ImportFrom, ast.Nonlocal, ast.Pass)


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """A statement, the function that contains it, and the functions of the module without it."""

    path: str
    function: str
    line: int
    text: str
    first_line: int
    codes: dict[tuple[str, int], CodeType]

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.function}: {self.text}"


def deletions(path: Path, name: str, *, skip_logging: bool = False) -> Iterator[Deletion]:
    """Yield each statement in the functions of a module, with the code that remains."""
    source = path.read_text()
    tree = ast.parse(source)
    for block, index, function in _statements(tree, None):
        statement = block[index]
        if not _has_effect(statement) or (skip_logging and _logs(statement)):
            continue
        with _deleted(block, index):
            code = compile(tree, str(path), "exec", dont_inherit=True)
        yield Deletion(
            path=name,
            function=function.name,
            line=statement.lineno,
            text=source.splitlines()[statement.lineno - 1].strip(),
            first_line=first_line(function),
            codes=dict(_codes(code)),
        )


def first_line(function: Function) -> int:
    """Return the line at which the function's code object starts."""
    return min(node.lineno for node in (function, *function.decorator_list))


def _statements(
    node: ast.AST, function: Function | None
) -> Iterator[tuple[list[ast.stmt], int, Function]]:
    for _, field in ast.iter_fields(node):
        block = field if isinstance(field, list) else [field]
        for index, child in enumerate(block):
            if isinstance(child, ast.stmt) and function:
                yield block, index, function
            if isinstance(child, ast.AST):
                yield from _statements(child, child if isinstance(child, Function) else function)


def _has_effect(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant()) | ast.AnnAssign(value=None):  # docstring, declaration
            return False
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return False
    return not isinstance(statement, WITHOUT_EFFECT)


def _logs(statement: ast.stmt) -> bool:
    return ast.unparse(statement).startswith("logger.")


@contextmanager
def _deleted(block: list[ast.stmt], index: int) -> Iterator[None]:
    """Replace a statement by `if False: ...`, which compiles to nothing.

    The names in it keep their meaning: a local variable stays local, a generator a generator.
    """
    statement = block[index]
    never = ast.If(test=ast.Constant(value=False), body=[statement], orelse=[])
    block[index] = ast.fix_missing_locations(ast.copy_location(never, statement))
    yield
    block[index] = statement


def _codes(code: CodeType) -> Iterator[tuple[tuple[str, int], CodeType]]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield (constant.co_qualname, constant.co_firstlineno), constant
            yield from _codes(constant)
