"""Read functions of PL/pgSQL for EXECUTE, and judge whether the text is quoted.

Quoted are ``format`` with %I and %L, ``quote_ident``, ``quote_literal`` and ``quote_nullable``;
values after USING are no part of the text.
"""

import itertools
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

Quoted = Literal["yes", "no", "undecided"]

_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/"
    r"|(?P<text>[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"
    r"|(?P<word>[\w$]+(?:\s*\.\s*[\w$]+)*|\"[^\"]+\"(?:\.\"?\w+\"?)*)"
    r"|(?P<sign>\|\||::|:=|[^\s\w])",
    re.DOTALL,
)
QUOTING = frozenset({"quote_ident", "quote_literal", "quote_nullable", "to_regclass"})
HANDS_ON = frozenset(
    {
        "concat",
        "concat_ws",
        "coalesce",
        "nullif",
        "lower",
        "upper",
        "trim",
        "btrim",
        "ltrim",
        "rtrim",
    }
    | {"replace", "string_agg", "array_to_string", "left", "right", "substr", "substring", "repeat"}
)
SENDING = frozenset(
    {"query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "dblink", "dblink_exec"}
    | {"dblink_open", "dblink_send_query", "crosstab", "crosstab2", "crosstab3", "crosstab4"}
    | {"connectby", "ts_stat", "xpath_table"}
)
"""Functions that execute the SQL in one of their arguments."""

HARMLESS_TYPES = frozenset(
    {"int", "int2", "int4", "int8", "integer", "bigint", "smallint", "numeric", "boolean", "bool"}
    | {"uuid", "date", "timestamp", "timestamptz", "regclass", "regtype", "regproc", "oid", "real"}
    | {"interval", "regrole", "regnamespace", "regprocedure"}
)
"""Types whose text holds no quote, or is quoted by PostgreSQL itself."""

_ENDS = frozenset({"using", "into", "loop", "strict"})
_SPECIFIER = re.compile(r"%(?:(?P<at>\d+)\$)?-?(?:\d+|\*(?:\d+\$)?)?(?P<kind>[sIL%])")
_DEPTH_CAP = 20

PLANTED: dict[str, tuple[str, Quoted]] = {
    "concatenation": ("BEGIN EXECUTE 'DELETE FROM t WHERE a = ''' || v || ''''; END", "no"),
    "format with %s": ("BEGIN EXECUTE format('DELETE FROM %s', v); END", "no"),
    "variable": ("DECLARE q text; BEGIN q := 'SELECT ' || v; EXECUTE q; END", "no"),
    "format with %I": (
        "BEGIN EXECUTE format('DELETE FROM %I WHERE a = $1', v) USING w; END",
        "yes",
    ),
    "quote_ident": ("BEGIN EXECUTE 'DELETE FROM ' || quote_ident(v); END", "yes"),
}


class Token(NamedTuple):
    """One word, text or sign."""

    kind: Literal["text", "word", "sign"]
    value: str

    @property
    def low(self) -> str:
        """The value as PostgreSQL compares it."""
        return self.value.lower()


Tokens = list[Token]


def executes(source: str, arguments: str = "") -> Iterator[tuple[Quoted, str]]:
    """Yield, for each EXECUTE in *source*, whether its text is quoted, and what is not.

    >>> [quoted for quoted, _ in executes("BEGIN EXECUTE 'TRUNCATE ' || name; END")]
    ['no']
    """
    tokens = list(_tokens(source))
    body = Body(tokens, arguments)
    for at, token in enumerate(tokens):
        after = tokens[at + 1].low if at + 1 < len(tokens) else ""
        before = tokens[at - 1].low if at else ""
        named = after in {"function", "procedure", "on"} or before in {"grant", "revoke", ","}
        if token.kind == "word" and token.low == "execute" and not named:
            yield body.judge(_until_end(tokens[at + 1 :]))


def hands_on(source: str) -> str:
    """Return the function in *source* that executes a text of its argument, unless constant."""
    tokens = list(_tokens(source))
    for at, token in enumerate(tokens[:-1]):
        if token.low.rpartition(".")[2] in SENDING and tokens[at + 1].value == "(":
            inside = _until_end(tokens[at + 2 :])
            if any(one.kind == "word" and one.low not in {*_CASE, "false"} for one in inside):
                return token.value
    return ""


def _tokens(source: str) -> Iterator[Token]:
    for found in _TOKEN.finditer(source):
        if found["text"] is not None:
            yield Token("text", found["text"])
        elif found["word"] is not None:
            yield Token("word", re.sub(r"\s", "", found["word"]))
        elif found["sign"] is not None:
            yield Token("sign", found["sign"])


def _until_end(tokens: Tokens) -> Tokens:
    """Return the expression at the start of *tokens*."""
    depth = 0
    for at, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token.value, 0)
        ends = token.value == ";" or (token.kind == "word" and token.low in _ENDS)
        if depth < 0 or (depth == 0 and ends):
            return tokens[:at]
    return tokens


class Body:
    """One function: its tokens, and what its variables are given."""

    def __init__(self, tokens: Tokens, arguments: str) -> None:
        """Index the assignments in *tokens*."""
        self._given: dict[str, list[Tokens]] = {}
        told = list(_tokens(arguments))
        self._types = dict(_declared(told) | _declared(tokens))
        self._parameters = set(_parameters(told))
        self._filled = set(_filled(tokens))
        for at, token in enumerate(tokens[:-1]):
            sign = tokens[at + 1].value
            starts = at == 0 or tokens[at - 1].low in {
                ";",
                "begin",
                "then",
                "else",
                "loop",
                "declare",
            }
            typed = sign == ":=" or (sign == "=" and starts)
            if token.kind == "word" and typed:
                self._given.setdefault(token.low, []).append(_until_end(tokens[at + 2 :]))
            elif token.low in {"default", ":="} and at >= 2:
                name = self._declared_before(tokens[:at])
                self._given.setdefault(name, []).append(_until_end(tokens[at + 1 :]))

    @staticmethod
    def _declared_before(tokens: Tokens) -> str:
        """Return the first word of the declaration that *tokens* end in."""
        for at in range(len(tokens) - 1, -1, -1):
            if tokens[at].low in {";", "declare"}:
                return tokens[at + 1].low if at + 1 < len(tokens) else ""
        return tokens[0].low if tokens else ""

    def judge(self, expression: Tokens, depth: int = 0) -> tuple[Quoted, str]:
        """Tell whether everything in *expression* is a constant or quoted."""
        if depth > _DEPTH_CAP or not expression:
            return "undecided", "an expression that cannot be followed"
        found = [self._part(part, depth + 1) for part in _split(expression, "||")]
        return next(
            (one for kind in ("no", "undecided") for one in found if one[0] == kind), ("yes", "")
        )

    def _part(self, part: Tokens, depth: int) -> tuple[Quoted, str]:
        if len(part) >= 3 and part[-2].value == "::":
            return ("yes", "") if part[-1].low in HARMLESS_TYPES else self._part(part[:-2], depth)
        first = part[0] if part else Token("sign", "")
        inside = (
            part[2:-1] if len(part) > 2 and part[1].value == "(" and part[-1].value == ")" else []
        )
        if len(part) == 1:
            return self._single(first, depth)
        if first.value == "(" and part[-1].value == ")":
            return self.judge(part[1:-1], depth)
        if first.low in QUOTING and inside:
            return "yes", ""
        if first.low == "format" and inside:
            return self._format(_split(inside, ","), depth)
        if first.low in HANDS_ON and inside:
            parts = [self.judge(one, depth) for one in _split(inside, ",")]
            return next((one for one in parts if one[0] != "yes"), ("yes", ""))
        if first.low == "case" and all(one.kind != "word" or one.low in _CASE for one in part[1:]):
            return "yes", ""
        said = "".join(one.value for one in part)[:60]
        if first.kind == "word" and said[len(first.value) :].startswith(("->", "#>")):
            return "no", f"{said} is not quoted"
        return "undecided", said

    def _single(self, token: Token, depth: int) -> tuple[Quoted, str]:
        if token.kind == "text" or token.value.isdigit() or token.low == "null":
            return "yes", ""
        if token.kind == "word" and self._types.get(token.low) in HARMLESS_TYPES:
            return "yes", ""
        if token.low in self._filled:
            return "no", f"{token.value}, read from a table, is not quoted"
        given = self._given.get(token.low, [])
        if given and token.low in self._parameters:
            told = all(token.low in {part.low for part in one} for one in given)
            if not told:  # as in: IF p IS NULL THEN p := 'x'
                return "undecided", f"parameter {token.value} may keep its value"
        others = [one for one in given if [token] not in _split(one, "||")]
        own = [part for one in given if one not in others for part in _split(one, "||")]
        expressions = others + [[*part] for part in own if part != [token]]
        if not given or not others:
            return "no", f"{token.value} is not quoted"
        found = [self.judge(one, depth) for one in expressions]
        return next(
            (one for kind in ("no", "undecided") for one in found if one[0] == kind), ("yes", "")
        )

    def _format(self, arguments: list[Tokens], depth: int) -> tuple[Quoted, str]:
        pattern = arguments[0]
        if len(pattern) != 1 or pattern[0].kind != "text":
            return "undecided", "the pattern of format() is no constant"
        at = 0
        for one in _SPECIFIER.finditer(pattern[0].value):
            if one["kind"] == "%":
                continue
            at = int(one["at"]) if one["at"] else at + 1
            if one["kind"] == "s":
                value = arguments[at] if at < len(arguments) else []
                quoted, reason = self.judge(value, depth)
                if quoted != "yes":
                    return quoted, f"%s of format(): {reason}"
        return "yes", ""


_CASE = frozenset({"case", "when", "then", "else", "end", "and", "or", "not", "is", "null", "true"})


def _parameters(tokens: Tokens) -> Iterator[str]:
    """Yield the names of the parameters that callers give a value."""
    for part in _split(tokens, ","):
        words = [one.low for one in part if one.kind == "word"]
        mode = words[0] if words and words[0] in {"in", "out", "inout", "variadic", "table"} else ""
        if len(words) > 1 and mode not in {"out", "table"}:
            yield words[1] if mode else words[0]


def _filled(tokens: Tokens) -> Iterator[str]:
    """Yield the variables that statements fill: after INTO, and by FOR over rows."""
    for at, token in enumerate(tokens):
        before = tokens[at - 1].low if at else ""
        if token.low == "into" and before not in {"insert", "merge"}:
            yield from _listed(tokens[at + 1 :])
        looped = token.low in {"for", "foreach"} and at + 3 < len(tokens)
        if looped and tokens[at + 2].low == "in" and tokens[at + 3].low in _ROWS:
            yield tokens[at + 1].low


_ROWS = frozenset({"select", "execute", "with", "array", "(", "values", "table"})


def _listed(tokens: Tokens) -> Iterator[str]:
    """Yield the names at the start of *tokens*, up to one that no comma follows."""
    for at, token in enumerate(tokens):
        if token.low == "strict" or token.value == ",":
            continue
        yield token.low
        if at + 1 >= len(tokens) or tokens[at + 1].value != ",":
            return


def _declared(tokens: Tokens) -> dict[str, str]:
    """Return the type of each name that is followed by one of the harmless types."""
    pairs = itertools.pairwise(tokens)
    return {a.low: b.low for a, b in pairs if a.kind == "word" and b.low in HARMLESS_TYPES}


def _split(tokens: Tokens, sign: str) -> list[Tokens]:
    """Split *tokens* at each *sign* outside of brackets."""
    parts: list[Tokens] = [[]]
    depth = 0
    for token in tokens:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.value, 0)
        if depth == 0 and token.value == sign:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts
