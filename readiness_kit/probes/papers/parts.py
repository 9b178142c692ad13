"""Take a document in Markdown apart: sections, numbered steps, commands, tables, links."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from readiness_kit.probes.papers.documents import shown

CONSOLE = frozenset({"console", "shell-session"})
SHELL = CONSOLE | {"sh", "bash", "shell", "zsh"}
_EMPTY_COMMAND = re.compile(r"(echo|true|:|\.\.\.|…|TODO|TBD)\b.*|[.…:]+", re.IGNORECASE)
_UNFINISHED = re.compile(r"\b(TODO|TBD|FIXME|lorem ipsum|to be (written|done))\b", re.IGNORECASE)
_PROMPT = re.compile(r"\s*[$#]\s+")


class Section(NamedTuple):
    """A heading and what follows it, up to the next heading of any level."""

    heading: str
    level: int
    line: int
    nodes: tuple[SyntaxTreeNode, ...]


class Code(NamedTuple):
    """One code block."""

    line: int
    language: str
    text: str

    @property
    def input(self) -> str:
        """What is to be typed, line for line; of a console, what follows its prompts."""
        if self.language not in CONSOLE:
            return self.text
        prompted = ((_PROMPT.match(line), line) for line in self.text.splitlines())
        return "\n".join(line[prompt.end() :] if prompt else "" for prompt, line in prompted)

    @property
    def commands(self) -> tuple[str, ...]:
        """Lines of shell or SQL that do something."""
        if self.language not in SHELL | {"sql"}:
            return ()
        lines = (line.strip() for line in self.input.splitlines())
        return tuple(
            line for line in lines if line and line[0] != "#" and not _EMPTY_COMMAND.fullmatch(line)
        )


class Item(NamedTuple):
    """One item of a numbered list with the code that belongs to it."""

    line: int
    words: str
    code: tuple[Code, ...]

    @property
    def commands(self) -> tuple[str, ...]:
        """Every command of its code; none where the item is still to be written."""
        if _UNFINISHED.search(self.words):
            return ()
        return tuple(command for code in self.code for command in code.commands)


class Table(NamedTuple):
    """One table: names of its columns, and rows with their lines."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def parse(markdown: str) -> tuple[Section, ...]:
    """Return the sections of *markdown*; what stands before the first heading has an empty one."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    found: list[Section] = [Section("", 0, 1, ())]
    for node in SyntaxTreeNode(tokens).children:
        if node.type == "heading":
            found.append(Section(words_of([node]), int(node.tag[1]), line_of(node), ()))
        else:
            found[-1] = found[-1]._replace(nodes=(*found[-1].nodes, node))
    return tuple(one for one in found if one.heading or one.nodes)


def with_below(sections: tuple[Section, ...], number: int) -> tuple[SyntaxTreeNode, ...]:
    """Return what section *number* holds, the sections below it included."""
    first = sections[number]
    nodes = list(first.nodes)
    for section in sections[number + 1 :]:
        if section.level <= first.level:
            break
        nodes.extend(section.nodes)
    return tuple(nodes)


def items(nodes: Iterable[SyntaxTreeNode]) -> Iterator[Item]:
    """Yield the numbered steps among *nodes*; code right after a list belongs to its last step."""
    last: Item | None = None
    for node in nodes:
        if node.type == "ordered_list":
            for child in node.children:
                if last:
                    yield last
                last = Item(line_of(child), words_of([child]), tuple(codes([child])))
        elif node.type in {"fence", "code_block"} and last:
            last = last._replace(code=(*last.code, *codes([node])))
    if last:
        yield last


def codes(nodes: Iterable[SyntaxTreeNode]) -> Iterator[Code]:
    """Yield every code block in *nodes*, however deep."""
    for node in nodes:
        if node.type in {"fence", "code_block"}:
            language = (node.info or "").strip().partition(" ")[0].lower()
            yield Code(line_of(node) + (node.type == "fence"), language, node.content)
        else:
            yield from codes(node.children)


def tables(nodes: Iterable[SyntaxTreeNode]) -> Iterator[Table]:
    """Yield every table in *nodes*, however deep."""
    for node in nodes:
        if node.type == "table":
            head, *body = [row for part in node.children for row in part.children]
            rows = tuple((line_of(row), _cells(row)) for row in body)
            yield Table(tuple(cell.lower() for cell in _cells(head)), rows)
        else:
            yield from tables(node.children)


def links(nodes: Iterable[SyntaxTreeNode]) -> Iterator[str]:
    """Yield where every link in *nodes* leads."""
    for node in nodes:
        if node.type == "link":
            yield str(node.attrs.get("href", ""))
        yield from links(node.children)


def words_of(nodes: Iterable[SyntaxTreeNode]) -> str:
    """Return what *nodes* say, without code blocks, comments and what is struck out."""
    said = []
    for node in nodes:
        if node.type == "inline" and node.token:
            said.append(shown(node.token))
        elif node.type not in {"fence", "code_block", "html_block"}:
            said.append(words_of(node.children))
    return " ".join(filter(None, said))


def line_of(node: SyntaxTreeNode) -> int:
    """Return the line of *node*, from 1."""
    return (node.map or (0, 0))[0] + 1


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives *heading*.

    >>> slug("Recover to a point in time!")
    'recover-to-a-point-in-time'
    """
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def leads_nowhere(href: str, folder: Path, sections: tuple[Section, ...]) -> bool:
    """Tell whether *href* names a section or a file that does not exist; URLs are not asked."""
    parts = urlsplit(href)
    if parts.scheme or parts.netloc:
        return False
    if not parts.path:
        return parts.fragment not in {slug(one.heading) for one in sections}
    return not (folder / unquote(parts.path)).exists()


def _cells(row: SyntaxTreeNode) -> tuple[str, ...]:
    return tuple(words_of([cell]).strip() for cell in row.children)
