"""What an entry does to the state: each as it says, or not at all."""

from blake3 import blake3
from ed25519 import is_key, verify
from layout import MEMBERS_MAX, belonging, duty_bytes, rotation, text
from state import Account, Council, Duty, Listing, Network, Peer, Policy, Store, Supply, Task

DAY = 24 * 3600 * 1000
# A task that nobody has spoken of for so long is forgotten.
TASK_KEPT = 7 * DAY
LIFE_MAX = 24 * 3600 * 1000
DECREE_LIFE_MAX = 30 * 24 * 3600 * 1000
PROBE_AGE = SUSPICION_AGE = 30_000
# Changes of key that a decree about an old one follows.
ROTATIONS_MAX = 256
# Duties of one holder.
DUTIES_MAX = 64
U64_MAX = 2**64 - 1
UNREACHED = 255
TRUSTED, WORKER = 0, 1
COORDINATOR = 1


class Refused(Exception):
    """Why an entry counts for nothing."""


def must(holds, why):
    if not holds:
        raise Refused(why)


def quorum(members):
    return len(members) * 2 // 3 + 1


def some_honest(members):
    return (len(members) - 1) // 3 + 1


class State(Store):
    """The state with its rules. `time`, `parent` and `index` say where the next entry stands."""

    def __init__(self, chain, operators, members):
        super().__init__()
        self.time, self.parent, self.index = 0, chain, 0
        self.put(Network(chain, operators), "network")
        self.put(Council(members, members), "council")
        self.put(Supply(), "supply")
        for member in members:
            self.put(Peer(TRUSTED, None), "peer", member)
        self.keep()

    def network(self):
        return self.get("network")

    def council(self):
        return self.get("council")

    def account(self, peer):
        return self.get("account", peer) or Account()

    def is_listed(self, peer):
        listing = self.get("listing", peer)
        return listing is not None and self.time < listing.until

    def next_height(self, before):
        """What was decided about the council counts from here on; a day's first block forgets old tasks."""
        if before // DAY < self.time // DAY:
            for key, task in self.all("task"):
                if task.at + TASK_KEPT <= self.time:
                    self.remove(*key)
        council = self.council()
        self.put(council._replace(members=council.next), "council")
        self.keep()

    def apply(self, entry, signer):
        try:
            self.admits(entry, signer)
            getattr(self, "say_" + entry.say)(signer, *entry.what)
            account = self.account(signer)
            self.put(account._replace(nonce=account.nonce + 1), "account", signer)
            self.keep()
            self.index += 1
        finally:
            self.drop()

    def admits(self, entry, signer):
        network, account, peer = self.network(), self.get("account", signer), self.get("peer", signer)
        must(entry.chain == network.chain, "another network's")
        must(self.time <= entry.expires <= self.time + LIFE_MAX, "expired, or expires too late")
        is_listed, asks = self.is_listed(signer), network.is_open and entry.say == "register"
        takes_part = signer in network.operators or (not peer.is_revoked if peer else account or asks)
        # Whoever is accused is heard, and says nothing else.
        must(entry.say == "appeal" if is_listed else takes_part, "a stranger's, or a blacklisted one's")
        account = account or Account()
        must(account.rotated is None, "its signer goes by another key")
        must(entry.nonce == account.nonce, "another nonce than its signer's next")

    # What the operators decree.

    def say_decree(self, _, chain, version, expires, order, what, message, approvals):
        network = self.network()
        must(chain == network.chain, "another network's")
        must(self.time <= expires <= self.time + DECREE_LIFE_MAX, "expired, or expires too late")
        subject = self.subject(order, what)
        current = self.get(*subject)
        found = getattr(current, "issued" if order == "issue" else "version", 0)
        must(found == version, "decided on meanwhile")
        approve = sum(by in network.operators and verify(by, message, signature) for by, signature in approvals)
        must(approve > len(network.operators) // 2, "not by more than half of the operators")
        getattr(self, "order_" + order)(current, version + 1, subject, *what)

    def subject(self, order, what):
        """The key of what an order is about."""
        kinds = {"admit": "peer", "revoke": "peer", "blacklist": "listing", "pardon": "listing", "policy": "policy"}
        if order not in kinds:
            return ({"open_admission": "network", "issue": "supply"}.get(order, "council"),)
        follows = order in ("revoke", "blacklist", "pardon")
        return kinds[order], self.current(what[0]) if follows else what[0]

    def current(self, peer):
        """By which key the holder of this one goes now."""
        for _ in range(ROTATIONS_MAX + 1):
            new = self.account(peer).rotated
            if new is None:
                return peer
            peer = new
        raise Refused("its key has changed too often since")

    def votes(self, peer):
        council = self.council()
        return peer in council.members or peer in council.next

    def is_somebody(self, peer):
        must(is_key(peer), "nobody can sign as that")

    def may_join(self, peer):
        known = self.get("peer", peer)
        must(known and known.standing == TRUSTED and not known.is_revoked, "no trusted peer")
        must(not self.is_listed(peer), "it is blacklisted")
        self.is_somebody(peer)

    def change_council(self, members):
        council = self.council()
        must(council.members == council.next, "the council changes at this height already")
        must(1 <= len(members) <= MEMBERS_MAX, "too many members, or none")
        self.put(council._replace(next=sorted(members), version=council.version + 1), "council")

    def order_add_member(self, council, _, __, peer):
        self.may_join(peer)
        must(peer not in council.members, "a member already")
        self.change_council([*council.members, peer])

    def order_remove_member(self, council, _, __, peer):
        must(peer in council.members, "no member")
        self.change_council([one for one in council.members if one != peer])
        self.stand_down(peer)

    def order_replace_member(self, council, _, __, old, new):
        self.may_join(new)
        must(old in council.members and new not in council.members, "no member, or one already")
        self.change_council([new if one == old else one for one in council.members])
        self.stand_down(old)

    def order_admit(self, known, version, subject, peer, standing, owner):
        self.is_somebody(peer)
        must(self.account(peer).rotated is None, "it goes by another key")
        must(standing == TRUSTED or not self.votes(peer), "a member")
        self.put(Peer(standing, owner, 0, version, known.duties if known else ()), *subject)

    def order_revoke(self, known, version, subject, *_):
        must(subject[1] not in self.council().next, "a member")
        must(known and not known.is_revoked, "it does not take part")
        self.put(known._replace(is_revoked=1, version=version), *subject)

    def order_blacklist(self, _, version, subject, __, evidence, reason, until):
        self.put(Listing(evidence, reason, until, None, version), *subject)
        self.stand_down(subject[1])

    def order_pardon(self, listing, version, subject, _):
        must(listing, "not listed")
        self.put(listing._replace(until=self.time, version=version), *subject)

    def order_policy(self, _, version, subject, __, document):
        self.put(Policy(document, version), *subject)

    def order_open_admission(self, network, version, subject, is_open):
        self.put(network._replace(is_open=is_open, version=version), *subject)

    def order_issue(self, supply, _, subject, payee, amount):
        account = self.account(payee)
        self.is_somebody(payee)
        must(account.rotated is None and amount, "nobody would have more")
        must(max(supply.issued, account.balance) + amount <= U64_MAX, "more than can be counted")
        self.put(supply._replace(issued=supply.issued + amount), *subject)
        self.put(account._replace(balance=account.balance + amount), "account", payee)

    # Duties and tasks.

    def words(self, words, fits, enough):
        """Words of members by who says them: all hold, all fit, each another's."""
        members = self.council().members
        said = {word.signer: word.value for word in words}
        must(len(said) == len(words) >= enough(members), "not enough words of members")
        must(all(word.signer in members and word.holds() for word in words), "words that do not hold")
        must(all(map(fits, said.values())), "words about something else")
        return said

    def say_grant(self, _, duty, words):
        state, chain = self.get("duty", duty) or Duty(), self.network().chain
        must(state.holder is None, "the duty is somebody's")

        def fits(probes):
            return probes[0] == chain and probes[3] == duty and abs(probes[1] - self.time) <= PROBE_AGE

        said = self.words(words, fits, quorum)
        candidates, council = [], self.council()
        for one in council.members:
            others = [probes for by, probes in said.items() if by != one or len(said) == 1]
            buckets = sorted(probes[2].get(one, UNREACHED) for probes in others)
            middle = buckets[len(buckets) // 2]
            may = one in council.next and len(self.get("peer", one).duties) < DUTIES_MAX
            if middle != UNREACHED and may and not self.is_listed(one):
                tie = blake3(text("edgecoder/tie/1") + self.parent + duty_bytes(duty) + one)
                candidates.append((middle, tie, one))
        must(candidates, "nobody is reached by enough")
        holder = min(candidates)[2]
        peer = self.get("peer", holder)
        self.put(Duty(holder, self.index), "duty", duty)
        self.put(peer._replace(duties=tuple(sorted((*peer.duties, duty)))), "peer", holder)

    def vacate(self, duty):
        state = self.get("duty", duty)
        peer = self.get("peer", state.holder)
        self.put(state._replace(holder=None), "duty", duty)
        self.put(peer._replace(duties=tuple(one for one in peer.duties if one != duty)), "peer", state.holder)

    def stand_down(self, peer):
        """All that a peer holds is over with its standing."""
        known = self.get("peer", peer)
        for duty in known.duties if known else ():
            self.vacate(duty)

    def held(self, duty, term):
        state = self.get("duty", duty) or Duty()
        must(state.holder is not None, "the duty is vacant")
        must(state.term == term, "of another term")
        return state

    def say_release(self, signer, duty, term):
        state = self.held(duty, term)
        must(state.holder == signer, "not its holder")
        self.vacate(duty)

    def say_expire(self, _, duty, term, words):
        self.held(duty, term)
        chain = self.network().chain

        def fits(said):
            return said == (chain, said[1], duty, term) and abs(said[1] - self.time) <= SUSPICION_AGE

        self.words(words, fits, some_honest)
        self.vacate(duty)

    def open_task(self, signer, task, shard, term):
        """The task as the holder of its shard may speak of it; nothing when there is none."""
        must(self.held((COORDINATOR, shard), term).holder == signer, "not the holder of its shard")
        return self.get("task", task)

    def say_accept(self, signer, fenced):
        must(self.open_task(signer, *fenced) is None, "accepted before")
        self.put(Task(fenced[1], 0, self.time), "task", fenced[0])

    def say_assign(self, signer, fenced, _):
        task = self.open_task(signer, *fenced)
        must(task and task.shard == fenced[1] and task.result is None, "no such task, or it is over")
        self.put(task._replace(assigned=task.assigned + 1, at=self.time), "task", fenced[0])

    def say_end(self, signer, fenced, result):
        task = self.open_task(signer, *fenced)
        must(task and task.shard == fenced[1] and task.result is None, "no such task, or it is over")
        self.put(task._replace(result=result, at=self.time), "task", fenced[0])

    # Peers and credits.

    def say_register(self, signer, owner):
        network = self.network()
        must(network.is_open and self.get("peer", signer) is None, "not open, or known")
        if owner:
            must(owner[0] in network.operators, "not an operator's word")
            must(verify(owner[0], belonging(network.chain, signer), owner[1]), "not an operator's word")
        self.put(Peer(WORKER, owner and owner[0]), "peer", signer)

    def say_rotate(self, old, new, signature):
        must(verify(new, rotation(self.network().chain, old, new), signature), "not the new key's word")
        must(not self.votes(old), "a member's, which the operators replace")
        network = self.network()
        is_used = any(self.get(kind, new) for kind in ("account", "peer", "listing"))
        must(not is_used and old != new and new not in network.operators, "the new key was used before")
        account, peer, listing = self.account(old), self.get("peer", old), self.get("listing", old)
        if old in network.operators:
            operators = sorted(new if one == old else one for one in network.operators)
            self.put(network._replace(operators=operators), "network")
        self.put(account._replace(nonce=0), "account", new)
        self.put(account._replace(balance=0, rotated=new), "account", old)
        if peer:
            self.put(peer._replace(is_revoked=1), "peer", old)
            self.put(peer, "peer", new)
        if listing:
            self.put(listing, "listing", new)

    def say_transfer(self, payer, payee, amount):
        must(amount and payer != payee, "nothing would change hands")
        self.is_somebody(payee)
        left, right = self.account(payer), self.account(payee)
        must(right.rotated is None, "the payee goes by another key")
        must(left.balance >= amount, "more than there is")
        must(right.balance + amount <= U64_MAX, "more than can be counted")
        self.put(left._replace(balance=left.balance - amount), "account", payer)
        self.put(right._replace(balance=right.balance + amount), "account", payee)

    def say_appeal(self, signer, statement):
        listing = self.get("listing", signer)
        must(listing and listing.appeal is None, "nothing to appeal")
        self.put(listing._replace(appeal=statement), "listing", signer)
