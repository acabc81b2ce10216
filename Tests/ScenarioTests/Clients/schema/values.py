"""Makes values of the shapes of botocore's models: the smallest, the fullest, and every way to break one constraint."""

import json
import random
import re
import signal

from re import _constants as tokens
from re import _parser as parser

# What the model only calls a string, and the service reads. By the member's name, or by `service.Operation.Member`.
MEANINGS = {
    "EventPattern": '{"source":["a"]}', "ScheduleExpression": "rate(1 hour)", "Detail": "{}",
    "Event": '{"id":"1","detail-type":"b","source":"a","account":"123456789012","time":"2024-01-01T00:00:00Z",'
             '"region":"us-east-1","resources":[],"detail":{}}',
    "Content": '{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"a",'
               '"inputs":{"runCommand":["true"]}}]}',
    "TopicArn": "arn:aws:sns:us-east-1:123456789012:a", "NextToken": None, "nextToken": None,
    "QueueUrl": "http://127.0.0.1/123456789012/a", "RoleArn": "arn:aws:iam::123456789012:role/a",
    "ScheduleExpressionTimezone": "UTC", "InputTemplate": '"a"', "Policy": None,
}

# Of texts whose pattern cannot be turned into an example.
EXAMPLES = [
    "a", "ab", "a1", "abc", "a-b", "1", "true", "2024-01-01", "arn:aws:iam::123456789012:role/a", "$.a", "/a",
    "arn:aws:sqs:us-east-1:123456789012:a", "arn:aws:events:us-east-1:123456789012:rule/a", "https://example.com/",
    "00000000-0000-4000-8000-000000000000", "i-0123456789abcdef0", "mi-0123456789abcdef0", "123456789012",
]
WRONG = ["!", "*", "é", "a b", "~~~", "\n", "", "a\nb", "<>", "§" * 30, " "]

LONGEST = 70_000
FULL_LENGTH = 300
DEPTH = 5


def pattern_of(shape):
    text = shape.metadata.get("pattern")
    if not text:
        return None
    for java, python in (
        (r"\p{L}", "a-zA-Z"), (r"\p{Z}", " "), (r"\p{N}", "0-9"), (r"\p{M}", ""), (r"\p{P}", ".,"), (r"\p{S}", "+"),
        (r"\p{C}", ""), (r"\p{LD}", "a-zA-Z0-9"), (r"\p{IsLetter}", "a-zA-Z"), (r"\p{Alnum}", "a-zA-Z0-9"),
        (r"\u{10FFFF}", "\U0010ffff"), (r"\u{10000}", "\U00010000"), ("[[:print:]]", "[ -~]"),
        (r"\p{Graph}", "!-~"), (r"\x{10FFFF}", "\U0010ffff"), (r"\z", r"\Z"),
    ):
        text = text.replace(java, python)
    try:
        return re.compile(text)
    except re.error:
        return None


def bounds(shape):
    return shape.metadata.get("min"), shape.metadata.get("max")


def wild(node, chance, many):
    """A text that a parsed expression matches, as short as may be or longer."""
    out = []
    for kind, argument in node:
        if kind is tokens.LITERAL:
            out.append(chr(argument))
        elif kind is tokens.NOT_LITERAL:
            out.append("a" if argument != ord("a") else "b")
        elif kind is tokens.ANY:
            out.append("a")
        elif kind is tokens.IN:
            out.append(one_of(argument, chance))
        elif kind in (tokens.MAX_REPEAT, tokens.MIN_REPEAT, tokens.POSSESSIVE_REPEAT):
            low, high, inner = argument
            count = low if not many else min(int(high) if high is not tokens.MAXREPEAT else low + many, low + many)
            # Repetitions within repetitions would grow without end.
            out.extend(wild(inner, chance, min(many, 1)) for _ in range(count))
        elif kind is tokens.SUBPATTERN:
            out.append(wild(argument[3], chance, many))
        elif kind is tokens.ATOMIC_GROUP:
            out.append(wild(argument, chance, many))
        elif kind is tokens.BRANCH:
            branches = argument[1]
            out.append(wild(branches[0] if not many else chance.choice(branches), chance, many))
        elif kind is tokens.CATEGORY:
            out.append(category(argument))
    return "".join(out)


def category(kind):
    return {
        tokens.CATEGORY_DIGIT: "1", tokens.CATEGORY_SPACE: " ", tokens.CATEGORY_WORD: "a", tokens.CATEGORY_NOT_DIGIT: "a",
        tokens.CATEGORY_NOT_SPACE: "a", tokens.CATEGORY_NOT_WORD: "-",
    }[kind]


def one_of(items, chance):
    if items and items[0][0] is tokens.NEGATE:
        for candidate in "ab1- ":
            if not any(contains(item, candidate) for item in items[1:]):
                return candidate
        return "~"
    letters = []
    for kind, argument in items:
        if kind is tokens.LITERAL:
            letters.append(chr(argument))
        elif kind is tokens.RANGE:
            letters.append(chr(argument[0]) if argument[0] >= 32 else "a")
        elif kind is tokens.CATEGORY:
            letters.append(category(argument))
    plain = [letter for letter in letters if letter.isalnum()]
    return chance.choice(plain or letters)


def contains(item, candidate):
    kind, argument = item
    if kind is tokens.LITERAL:
        return chr(argument) == candidate
    if kind is tokens.RANGE:
        return argument[0] <= ord(candidate) <= argument[1]
    return kind is tokens.CATEGORY and category(argument) == candidate


class Cannot(Exception):
    """There is no example of this."""


class TooLong(Exception):
    """Some patterns of the models take exponential time."""


def _interrupt(signum, frame):
    raise TooLong


signal.signal(signal.SIGALRM, _interrupt)


def search(method, text):
    """A match; none where finding it takes long."""
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        return method(text)
    except TooLong:
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def matches(pattern, text):
    return pattern is None or search(pattern.fullmatch, text) is not None


def text_of(shape, full):
    key = (shape.name, full, shape.metadata.get("pattern"), *bounds(shape))
    if key not in texts:
        texts[key] = find_text(shape, full)
    if texts[key] is None:
        raise Cannot(f"pattern {shape.metadata.get('pattern')}")
    return texts[key]


texts = {}


def find_text(shape, full):
    low, high = bounds(shape)
    low = int(low or 0)
    high = int(high) if high is not None else None
    if shape.enum:
        return shape.enum[-1 if full else 0]
    pattern = pattern_of(shape)
    wanted = min(high or FULL_LENGTH, max(low, FULL_LENGTH)) if full else max(low, 1)

    def fits(text):
        return len(text) >= low and (high is None or len(text) <= high) and matches(pattern, text)

    if pattern is None:
        if shape.metadata.get("pattern"):
            return None
        return "a" * wanted
    chance = random.Random(shape.name)
    tree = parser.parse(pattern.pattern)
    tries = ["a" * wanted, *EXAMPLES]
    for many in [0, 1, 2, 5, 10, low, wanted]:
        tries.extend(wild(tree, chance, many) for _ in range(3))
    good = [text for text in tries if fits(text)]
    if not good:
        return None
    return max(good, key=len) if full else min((t for t in good if t), key=len, default=good[0])


class Maker:
    """Values of one operation's input."""

    def __init__(self, service, operation):
        self.prefix = f"{service}.{operation}."

    def meaning(self, name):
        for key in (self.prefix + name, name):
            if key in MEANINGS:
                return key, MEANINGS[key]
        return None, None

    def value(self, shape, full=False, depth=0, name=""):
        if depth > DEPTH:
            raise Cannot("too deep")
        kind = shape.type_name
        if kind == "structure":
            return self.structure(shape, full, depth)
        low, high = bounds(shape)
        if kind == "list":
            # A list in a query that is empty is not there.
            count = max(int(low or 0), 1 if shape.serialization.get("location") == "querystring" else 0)
            if full:
                count = max(1, min(int(high or 2), 2), count)
            items = [self.value(shape.member, full, depth + 1) for _ in range(count)]
            return distinct(items, shape.member)
        if kind == "map":
            count = max(int(low or 0), 1 if full else 0)
            keys = distinct([self.value(shape.key, full, depth + 1) for _ in range(count)], shape.key)
            return {key: self.value(shape.value, full, depth + 1) for key in keys}
        if kind == "string":
            _, meaning = self.meaning(name)
            return meaning if meaning is not None else text_of(shape, full)
        if kind in ("integer", "long"):
            low = 1 if low is None else int(low)
            high = low + 100 if high is None else int(high)
            return high if full else low
        if kind in ("float", "double"):
            return float(low or 1)
        if kind == "boolean":
            return full
        if kind == "timestamp":
            return 1_704_067_200
        if kind == "blob":
            return "YQ=="
        raise Cannot(kind)

    def structure(self, shape, full, depth):
        out = {}
        required = set(shape.required_members)
        if shape.is_tagged_union or shape.metadata.get("union"):
            name = next(iter(shape.members))
            return {name: self.value(shape.members[name], full, depth + 1, name)}
        for name, member in shape.members.items():
            key, meaning = self.meaning(name)
            if key and meaning is None and name not in required:
                continue
            if name in required or full and (depth < 4 or name in required):
                try:
                    out[name] = self.value(member, full, depth + 1, name)
                except Cannot:
                    if name in required:
                        raise
        return out

    # Violations

    def violations(self, shape, base, depth=0):
        """Every way to break one constraint of a structure's members.

        Yields (path of members, what is broken, the input).
        """
        required = set(shape.required_members)
        for name, member in shape.members.items():
            if name in required:
                yield [name], "missing", {key: value for key, value in base.items() if key != name}
            for broken, value in self.broken(member, name):
                yield [name], broken, {**base, name: value}
            yield from self.nested(member, name, base, depth)

    def nested(self, member, name, base, depth):
        if depth >= 3:
            return
        inner, wrap = member, lambda value: value
        if member.type_name == "list":
            low = max(1, int(bounds(member)[0] or 0))
            inner = member.member

            def wrap(value):
                try:
                    others = [self.value(inner, depth=depth + 1) for _ in range(low - 1)]
                except Cannot:
                    others = []
                return [value, *others]
        elif member.type_name == "map":
            inner = member.value
            try:
                key = self.value(member.key)
            except Cannot:
                return

            def wrap(value):
                return {key: value}

            for broken, text in self.broken(member.key, ""):
                if broken not in ("wrong type", "too short") and isinstance(text, str) and text:
                    try:
                        yield [name, "key"], broken, {**base, name: {text: self.value(member.value, depth=depth + 1)}}
                    except Cannot:
                        pass
        if inner is not member:
            for broken, value in self.broken(inner, ""):
                yield [name, "element"], broken, {**base, name: wrap(value)}
        if inner.type_name == "structure":
            try:
                inner_base = self.value(inner, depth=depth + 1)
            except Cannot:
                return
            for path, broken, value in self.violations(inner, inner_base, depth + 1):
                yield [name, *path], broken, {**base, name: wrap(value)}

    def broken(self, shape, name):
        kind = shape.type_name
        low, high = bounds(shape)
        if kind == "string":
            yield "wrong type", 7
            yield "wrong type", ["a"]
            yield "wrong type", {"a": "b"}
            pattern = pattern_of(shape)
            if shape.enum:
                yield "not of the enum", text_not_in(shape.enum)
                return
            if low:
                short = text_of_length(int(low) - 1, pattern)
                yield "too short", short
            if high is not None and int(high) < LONGEST:
                yield "too long", text_of_length(int(high) + 1, pattern)
            if pattern is not None:
                for text in WRONG:
                    long_enough = len(text) >= int(low or 0) and (high is None or len(text) <= int(high))
                    if long_enough and not search(pattern.search, text):
                        yield "not of the pattern", text
                        break
        elif kind in ("integer", "long"):
            yield "wrong type", "a"
            yield "wrong type", [1]
            if low is not None:
                yield "too small", int(low) - 1
            if high is not None and int(high) < 2**31 - 1:
                yield "too large", int(high) + 1
        elif kind in ("float", "double"):
            yield "wrong type", "a"
        elif kind == "boolean":
            yield "wrong type", "maybe"
            yield "wrong type", 7
        elif kind == "timestamp":
            yield "wrong type", "yesterday"
            yield "wrong type", ["a"]
        elif kind == "blob":
            yield "wrong type", 7
            yield "wrong type", "!"
        elif kind == "list":
            yield "wrong type", "a"
            yield "wrong type", {"a": "b"}
            try:
                if low:
                    yield "too short", [self.value(shape.member) for _ in range(int(low) - 1)]
                if high is not None and int(high) <= 1000:
                    items = [self.value(shape.member) for _ in range(int(high) + 1)]
                    yield "too long", distinct(items, shape.member)
            except Cannot:
                pass
        elif kind == "map":
            yield "wrong type", "a"
            yield "wrong type", ["a"]
            if high is not None and int(high) <= 1000 and shape.key.type_name == "string" and not shape.key.enum:
                try:
                    yield "too long", {f"a{number}": self.value(shape.value) for number in range(int(high) + 1)}
                except Cannot:
                    pass
        elif kind == "structure":
            yield "wrong type", "a"
            yield "wrong type", ["a"]


def text_of_length(length, pattern):
    for letter in ("a", "1", "A", "/"):
        if pattern is None or matches(pattern, letter * length):
            return letter * length
    return "a" * length


def text_not_in(enum):
    text = "NoSuchValue"
    return text if text not in enum else text + "s"


def distinct(items, shape):
    """Elements of lists must often differ."""
    if shape.type_name == "string" and not shape.enum and not shape.metadata.get("pattern"):
        low, high = bounds(shape)
        return [item[:-len(str(n))] + str(n) if n and len(item) > len(str(n)) else item for n, item in enumerate(items)]
    if shape.type_name == "string" and shape.enum:
        return [shape.enum[n % len(shape.enum)] for n in range(len(items))]
    for number, item in enumerate(items):
        for name in ("Id", "Key"):
            if shape.type_name == "structure" and name in shape.members and shape.members[name].enum:
                continue
            if isinstance(item, dict) and isinstance(item.get(name), str) and number:
                mark = str(number)
                item[name] = item[name][: -len(mark)] + mark if len(item[name]) > len(mark) else item[name] + mark
    return items


def shown(value):
    text = json.dumps(value)
    return text if len(text) < 400 else text[:400] + "…"
