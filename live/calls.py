"""One call: who is asked, who is in it, who may say what to whom.

Promises: never more than six are in it or asked at a time; a page that drops out keeps its place for a while, under
the same name, and when it does not come back it was gone since it was last heard; whoever is asked ends up joined,
declined, missed or called off; a call that nobody is in, or that somebody waits in alone, ends by itself. Sound and
picture go from browser to browser: here is only who is there. A given clock, no I/O. Not here: sockets
(`call_desk.py`), what is written down (`alerts/calls.py`), consent to record (`call_consent.py`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from live.call_consent import Consent, RecordingState
from live.call_messages import Status
from live.call_people import MOST_PEOPLE, PENDING, PRESENT, CallLimits, CallRefused, Fact, Person, Presence


class Room:
    """See the module. Owned by one event loop."""

    def __init__(
        self,
        call_id: str,
        incident_id: str,
        host_id: str,
        people: Iterable[Person],
        clock: Callable[[], float],
        limits: CallLimits | None = None,
        started_at: float | None = None,
    ) -> None:
        """`people` as they were asked, or, after a restart, as they were. `host_id`: who started it."""
        self.id, self.incident_id, self.host_id = call_id, incident_id, host_id
        self._clock, self._limits = clock, limits or CallLimits()
        self.people = {person.id: person for person in people}
        self.started_at = clock() if started_at is None else started_at
        self.ended_at: float | None = None
        self.ended_why: str | None = None
        self.consent = Consent()
        self.version = 0
        self._alone_since: float | None = None
        self._facts: list[Fact] = []

    # who is there

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None

    @property
    def present(self) -> list[Person]:
        return [p for p in self.people.values() if p.state in PRESENT]

    @property
    def free(self) -> int:
        """How many more may be asked."""
        return MOST_PEOPLE - sum(p.state in PRESENT or p.state in PENDING for p in self.people.values())

    def of_user(self, user_id: str) -> Person | None:
        """That user's place."""
        return next((p for p in self.people.values() if p.user_id == user_id), None)

    def take_facts(self) -> list[Fact]:
        """What happened since this was last asked."""
        facts, self._facts = self._facts, []
        return facts

    # coming and going

    def resume(self, seen_at: float) -> None:
        """After a restart of the service: whoever was in it until `seen_at` is waited for."""
        for person in self.present:
            person.state, person.away_since = Presence.LOST, seen_at
            person.expected_until = self._clock() + self._limits.lost
        self.version += 1

    def start(self, host: Person) -> None:
        """Who starts it is in it at once; their page is expected as one that dropped out."""
        now = self._clock()
        host.state, host.joined_at, host.present_since, host.away_since = Presence.JOINED, now, now, now
        host.expected_until = now + self._limits.lost
        self.people[host.id] = host
        self._changed()

    def invite(self, people: Iterable[Person]) -> None:
        """Asks these; whoever is known and not in it is asked again. Raises CallRefused, and then asks nobody."""
        self._must_go_on()
        counted = {p.id for p in self.people.values() if p.state in PRESENT or p.state in PENDING}
        asked = [p for p in people if p.id not in self.people or self.people[p.id].state not in PRESENT]
        if sum(p.id not in counted for p in asked) > self.free:
            raise CallRefused(
                "call-full", f"at most {MOST_PEOPLE} are in a call; {max(0, self.free)} more can be asked"
            )
        if len(self.people.keys() | {p.id for p in asked}) > self._limits.most_asked:
            raise CallRefused("call-full", f"{self._limits.most_asked} were asked to this call, which is the limit")
        now = self._clock()
        for person in asked:
            known = self.people.setdefault(person.id, person)
            wait = self._limits.link_waits if known.is_guest else self._limits.rings
            known.state, known.invited_at, known.rings_until = Presence.INVITED, now, now + wait
            known.asked_as, known.is_barred = person.asked_as, False
        self._changed()

    def shown(self, person_id: str) -> None:
        """A page of theirs shows it: it rings."""
        person = self.people[person_id]
        if person.state is Presence.INVITED and not self.is_over:
            person.state = Presence.RINGING
            self._tell("ringing", person)
            self._changed()

    def join(self, person_id: str, session: str, device: str) -> Person:
        """A page comes, for the first time or again. Raises CallRefused."""
        self._must_go_on()
        person = self._person(person_id)
        there = person.state in PRESENT
        if person.is_barred:
            raise CallRefused("not-allowed", "you were taken out of this call")
        if person.is_guest and there and person.away_since is None and person.device not in (None, device):
            raise CallRefused("call-taken", "somebody has joined with this link already")
        if not there and person.state not in PENDING and self.free < 1:
            raise CallRefused("call-full", f"{MOST_PEOPLE} are in this call, which is the limit")
        now = self._clock()
        was, new_page = person.state, person.session != session
        person.state, person.session, person.device = Presence.JOINED, session, device
        person.away_since = None
        person.attached += 1
        if new_page:
            person.muted = person.camera_off = False
            person.share = None
        if not there:
            person.present_since, person.left_at = now, None
            person.joined_at = now if person.joined_at is None else person.joined_at
            self._tell("joined", person)
            self._take_for_group(person)
        elif was is Presence.LOST:
            self._tell("back", person)
        self._changed()
        return person

    def drop(self, person_id: str, session: str) -> None:
        """Their page's socket is gone; they may come back."""
        person = self.people.get(person_id)
        if person is None or person.session != session or person.state not in PRESENT or person.away_since is not None:
            return
        person.away_since = self._clock()
        person.expected_until = person.away_since + self._limits.lost
        self._changed()

    def leave(self, person_id: str) -> None:
        """They hang up."""
        person = self._person(person_id)
        if person.state in PRESENT:
            self._go(person, self._clock(), "hung_up")
            self._changed()

    def decline(self, person_id: str) -> None:
        """They will not come. Raises CallRefused when they do not ring."""
        self._must_go_on()
        person = self._person(person_id)
        if person.state not in PENDING:
            raise CallRefused("cannot", "this call does not ring for you any more")
        person.state = Presence.DECLINED
        self._tell("declined", person)
        self._changed()

    def remove(self, person_id: str) -> None:
        """They are taken out, or asking them is called off; they come back when they are asked again."""
        person = self._person(person_id)
        person.is_barred = True
        if person.state in PENDING:
            person.state = Presence.CALLED_OFF
            self._tell("called_off", person)
        elif person.state in PRESENT:
            self._go(person, self._clock(), "removed")
        self._changed()

    def end(self, why: str, at: float | None = None) -> None:
        """It is over for everybody. `at`: it was over then already."""
        if self.is_over:
            return
        now = self._clock() if at is None else at
        self.consent.stop()
        self.ended_at, self.ended_why = now, why
        for person in self.people.values():
            if person.state in PRESENT:
                self._go(person, now, why)
            elif person.state in PENDING:
                person.state = Presence.CALLED_OFF
                self._tell("called_off", person)
        self._tell("ended", None, now, seconds=round(now - self.started_at), why=why)
        self.version += 1

    def tick(self) -> None:
        """What time does: rings end, places of those who are gone are given up, an empty call ends."""
        if self.is_over:
            return
        now, before = self._clock(), len(self._facts)
        for person in self.people.values():
            if person.state in PENDING and now >= person.rings_until:
                person.state = Presence.MISSED
                self._tell("missed", person)
            elif person.away_since is None:
                continue
            elif person.state is Presence.JOINED and now - person.away_since >= self._limits.away:
                person.state = Presence.LOST
                self._tell("lost", person)
            elif person.state is Presence.LOST and now >= person.expected_until:
                self._go(person, now, "lost")
        if len(self._facts) != before:
            self._changed()
        self._end_if_idle(now)

    # what is said

    def may_send(self, sender_id: str, to_id: str) -> bool:
        """Whether the one may send the other a signal: both are in this call, and are two."""
        sender, to = self.people.get(sender_id), self.people.get(to_id)
        if self.is_over or sender is None or to is None or sender is to:
            return False
        return sender.state is Presence.JOINED and to.state in PRESENT

    def set_status(self, person_id: str, status: Status) -> None:
        """What their page sends. A household passes on no camera."""
        person = self._person(person_id)
        share = None if person.is_guest else status.share
        if person.state in PRESENT and (person.muted, person.camera_off, person.share) != (
            status.muted, status.camera_off, share,
        ):  # fmt: skip
            person.muted, person.camera_off, person.share = status.muted, status.camera_off, share
            self._changed()

    def ask_to_record(self, person_id: str) -> None:
        """Everybody is asked. Raises CallRefused."""
        self._must_go_on()
        person = self._person(person_id)
        if not person.may_record:
            raise CallRefused("not-allowed", "the desk alone records calls")
        if person.state is not Presence.JOINED:
            raise CallRefused("cannot", "join the call first")
        if not self.consent.ask(person_id):
            raise CallRefused("cannot", "somebody records, or has asked to, already")
        self._tell("record_asked", person)
        self._changed()

    def stop_recording(self, person_id: str) -> None:
        """By whoever records."""
        if self.consent.recorder == person_id:
            self._settle_after(lambda: self.consent.stop())

    def answer_recording(self, person_id: str, agrees: bool) -> None:
        """Yes or no to being recorded."""
        person = self._person(person_id)
        if person.state in PRESENT and self.consent.answer(person_id, agrees):
            self._tell("record_agreed" if agrees else "record_refused", person)
            self._changed()

    # inside

    def _must_go_on(self) -> None:
        if self.is_over:
            raise CallRefused("call-over", "this call is over")

    def _person(self, person_id: str) -> Person:
        person = self.people.get(person_id)
        if person is None:
            raise CallRefused("call-not-found", "you are not asked to this call")
        return person

    def _take_for_group(self, person: Person) -> None:
        """One of a group has come: the others need not."""
        for other in self._others(person):
            if person.asked_as is not None and other.asked_as == person.asked_as and other.state in PENDING:
                other.state = Presence.CALLED_OFF
                self._tell("called_off", other)

    def _others(self, person: Person) -> Iterator[Person]:
        return (other for other in self.people.values() if other is not person)

    def _go(self, person: Person, now: float, why: str) -> None:
        """Gives their place up. Who was silent has been gone since then."""
        at = now if person.away_since is None else min(now, person.away_since)
        if person.present_since is not None:
            person.seconds += max(0.0, at - person.present_since)
        person.state, person.left_at, person.present_since = Presence.LEFT, at, None
        person.away_since, person.share, person.session = None, None, None
        self._tell("left", person, at, seconds=round(person.seconds), why=why)

    def _end_if_idle(self, now: float) -> None:
        present = self.present
        if not present:
            self.end("nobody", max((p.left_at or 0.0 for p in self.people.values()), default=now) or now)
            return
        if len(present) > 1 or any(p.state in PENDING for p in self.people.values()):
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = now
        had_company = any(p.state is Presence.LEFT for p in self.people.values())
        patience = self._limits.left_alone if had_company else self._limits.alone
        if self._alone_since is not None and now - self._alone_since >= patience:
            self.end("alone")
        elif now - self.started_at >= self._limits.longest:
            self.end("too_long")

    def _changed(self) -> None:
        self._settle_after(lambda: None)
        self._end_if_idle(self._clock())

    def _settle_after(self, change: Callable[[], object]) -> None:
        """Lets the change happen, then consent follow from who is there, and tells what became of recording."""
        was, recorder = self.consent.state, self.people.get(self.consent.recorder or "")
        change()
        present = self.present
        reachable = [p.id for p in present if p.state is Presence.JOINED]
        now = self.consent.settle([p.id for p in present], reachable)
        if now is not was and now is not RecordingState.ASKING:
            self._tell(f"record_{now.value}", recorder)
        self.version += 1

    def _tell(self, kind: str, person: Person | None, at: float | None = None, **details: Any) -> None:
        copied = replace(person) if person is not None else None
        moment = self._clock() if at is None else at
        self._facts.append(Fact(self.id, self.incident_id, kind, moment, copied, details))
