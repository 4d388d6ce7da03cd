# SPDX-License-Identifier: Apache-2.0
"""Registry - what an attack is, and what its answers mean."""
import importlib
from dataclasses import dataclass, field

HELD, OPEN, NOT_APPLICABLE = "held", "open", "n/a"
THEMES = ["Ceilings", "Processes", "Mounts", "Devices", "Handles and attributes", "The hook"]


def load():
    """The files of attacks, in the order of the table."""
    for name in ("ceilings", "processes", "mounts", "devices", "handles", "hook"):
        importlib.import_module(f"attacks.{name}")


def control(meaning):
    """Marks a function that makes a box without the one defence that is in question."""
    def mark(function):
        function.meaning = meaning
        return function
    return mark


class NotApplicable(Exception):
    """The question makes no sense there; the text says why."""


@dataclass
class Outcome:
    verdict: str
    errnos: set = field(default_factory=set)
    note: str = ""

    def __str__(self):
        return " ".join([self.verdict, *sorted(self.errnos)]) + (f" ({self.note})" if self.note else "")


@dataclass
class Attack:
    name: str
    theme: str
    question: str
    function: object
    control: object   # makes the box without the defence (and has a `meaning`), or says why there is none
    own_only: bool    # asserted for cgdeleg, and asked of nobody else
    beyond: str       # why cgdeleg cannot hold it, or None
    needs_guard: bool # held only where the node has the grant guard
    hook: bool        # an attack on the hook itself: its argument is a Context, and no other system has one
    slow: bool
    host_root: bool   # asked too, under cgdeleg, of a container whose root is host root's

    def expected(self, guarded):
        """Under cgdeleg."""
        return OPEN if self.beyond or self.needs_guard and not guarded else HELD


ATTACKS = []


def attack(name, theme, question, *, control, own_only=False, beyond=None, needs_guard=False, hook=False,
           slow=False, host_root=False):
    """Registers an attack. Its function gets a box (box.py) and returns an Outcome."""
    def register(function):
        ATTACKS.append(Attack(name, theme, question, function, control, own_only, beyond, needs_guard,
                              hook, slow, host_root))
        return function
    return register


def judge(answers, but=(), note=""):
    """Held when the kernel refused every act; acts in `but` may succeed. Counts are no answers."""
    asked = {act: said for act, said in answers.items() if isinstance(said, str)}
    if not asked:
        raise RuntimeError("no answers")
    opened = [act for act, said in asked.items() if said == "ok" and act not in but]
    errnos = {said for act, said in asked.items() if said != "ok"}
    if opened:
        return Outcome(OPEN, set(), note or ", ".join(opened[:6]))
    return Outcome(HELD, errnos, note)
