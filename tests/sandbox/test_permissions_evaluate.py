"""Deny over allow over nothing, and the key policy's word about keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.aws.permissions.evaluate import Role, decide
from sandbox.aws.permissions.model import Effect, Need, PermissionsError, Statement
from sandbox.aws.permissions.statements import identity_statements, resource_statements
from tests.sandbox.permissions_support import ACCOUNT, BUCKET, KEY, ROOT, allow, document, role_arn

ARN = role_arn("r")
GET = Need("s3:GetObject", (f"{BUCKET}/a",))
DECRYPT = Need("kms:Decrypt", (KEY,))
STATEMENTS = st.lists(
    st.builds(
        Statement,
        source=st.just("p"),
        effect=st.sampled_from(Effect),
        actions=st.lists(st.sampled_from(["s3:*", "s3:GetObject", "s3:Put*", "*"]), min_size=1, max_size=2).map(tuple),
        resources=st.lists(st.sampled_from(["*", f"{BUCKET}/*", f"{BUCKET}/b"]), min_size=1, max_size=2).map(tuple),
    ),
    max_size=4,
)
RELEVANT = {"s3:*", "s3:GetObject", "*"}, {"*", f"{BUCKET}/*"}


def role(*statements: dict[str, object]) -> Role:
    return Role(ARN, identity_statements(document(*statements), "p"))


def key_policy(principal: object, effect: str = "Allow") -> tuple[Statement, ...]:
    entry = {"Effect": effect, "Principal": principal, "Action": "kms:*", "Resource": "*"}
    return resource_statements(document(entry), "k")


def test_nothing_is_granted_by_itself() -> None:
    decision = decide(GET, role())
    assert not decision.allowed
    assert decision.reason == "no statement allows the action"


@pytest.mark.parametrize("action", ["s3:GetObject", "S3:getobject", "s3:Get*", "s3:*", "*"])
def test_actions_match_with_wildcards_and_in_any_case(action: str) -> None:
    decision = decide(GET, role(allow(action, "*")))
    assert decision.allowed
    assert [(match.action, match.resource) for match in decision.matches] == [(action, "*")]


def test_resources_match_with_wildcards_and_in_their_own_case() -> None:
    assert decide(GET, role(allow("s3:*", "arn:aws:s3:::arch?ve/*"))).allowed
    assert not decide(GET, role(allow("s3:*", "arn:aws:s3:::ARCHIVE/*"))).allowed


def test_the_reason_says_where_the_action_is_granted() -> None:
    decision = decide(GET, role(allow("s3:GetObject", f"{BUCKET}/b")))
    assert decision.reason == f"granted on {BUCKET}/b only"


def test_the_reason_says_which_condition_is_not_met() -> None:
    condition = {"StringEquals": {"s3:prefix": "x"}}
    decision = decide(GET, role(allow("s3:GetObject", "*", Condition=condition)))
    assert decision.reason == "condition not met: StringEquals s3:prefix x"


def test_any_of_several_resources_will_do() -> None:
    both = Need("s3:GetObject", (f"{BUCKET}/a", f"{BUCKET}/b"))
    assert decide(both, role(allow("s3:GetObject", f"{BUCKET}/b"))).allowed
    assert not decide(both, role(allow("s3:GetObject", f"{BUCKET}/c"))).allowed


@pytest.mark.verifies("permissions.resource-policies")
def test_a_deny_of_the_resources_policy_wins() -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"{BUCKET}/*", "Sid": "No"}
    decision = decide(GET, role(allow("*", "*")), resource_statements(document(deny), "b"))
    assert not decision.allowed
    assert decision.reason == "denied by b/No"


def test_a_deny_for_somebody_else_is_none() -> None:
    deny = {"Effect": "Deny", "Principal": {"AWS": role_arn("other")}, "Action": "s3:*", "Resource": "*"}
    assert decide(GET, role(allow("*", "*")), resource_statements(document(deny), "b")).allowed


def test_a_resources_policy_can_allow_the_role_itself_but_the_account_only_delegates() -> None:
    for principal, allowed in ((ARN, True), (ROOT, False), (role_arn("other"), False)):
        grant = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "s3:GetObject", "Resource": "*"}
        assert decide(GET, role(), resource_statements(document(grant), "b")).allowed is allowed


@pytest.mark.verifies("permissions.resource-policies")
def test_a_key_is_open_to_a_role_only_if_its_policy_leaves_it_to_the_account() -> None:
    granted = role(allow("kms:Decrypt", KEY))
    assert decide(DECRYPT, granted, key_policy({"AWS": ROOT})).allowed
    assert decide(DECRYPT, granted, key_policy({"AWS": ACCOUNT})).allowed
    closed = decide(DECRYPT, granted, key_policy({"AWS": role_arn("other")}))
    assert not closed.allowed
    assert closed.reason == "the key's policy leaves nothing to the account's roles"


def test_a_key_policy_that_names_the_role_is_enough_and_one_that_delegates_is_not() -> None:
    assert decide(DECRYPT, role(), key_policy({"AWS": ARN})).allowed
    assert not decide(DECRYPT, role(), key_policy({"AWS": ROOT})).allowed


@given(statements=STATEMENTS)
def test_it_is_deny_then_allow_then_nothing(statements: list[Statement]) -> None:
    def relevant(effect: Effect) -> bool:
        actions, resources = RELEVANT
        return any(
            each.effect is effect and actions & set(each.actions) and resources & set(each.resources)
            for each in statements
        )

    decision = decide(GET, Role(ARN, tuple(statements)))
    assert decision.allowed == (relevant(Effect.ALLOW) and not relevant(Effect.DENY))
    assert bool(decision.matches) == decision.allowed
    assert bool(decision.reason) != decision.allowed


@given(statements=STATEMENTS, more=STATEMENTS)
def test_more_denials_never_allow_more(statements: list[Statement], more: list[Statement]) -> None:
    denials = [each for each in more if each.effect is Effect.DENY]
    if decide(GET, Role(ARN, (*statements, *denials))).allowed:
        assert decide(GET, Role(ARN, tuple(statements))).allowed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"NotAction": "s3:*"}, "policy element NotAction is not known"),
        ({"Effect": "Maybe"}, "Effect must be Allow or Deny"),
        ({"Principal": "*"}, "Principal belongs to a resource's policy"),
        ({"Resource": "arn:aws:s3:::${aws:username}"}, "policy variables are not known"),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "x"}}}, "operator IpAddress is not known"),
    ],
)
@pytest.mark.verifies("permissions.conditions")
def test_a_statement_that_is_not_understood_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(PermissionsError, match=f"^p: .*{message}"):
        identity_statements(document({**allow("s3:*", "*"), **change}), "p")


def test_a_document_that_is_not_understood_is_refused() -> None:
    with pytest.raises(PermissionsError, match="needs a Statement"):
        identity_statements({}, "p")
    with pytest.raises(PermissionsError, match="policy version 2012-10-17"):
        identity_statements({"Version": "2008-10-17", "Statement": []}, "p")
    with pytest.raises(PermissionsError, match="needs Resource"):
        identity_statements(document({"Effect": "Allow", "Action": "s3:*"}), "p")
    with pytest.raises(PermissionsError, match="policy element Federated is not known"):
        resource_statements(document({**allow("s3:*", "*"), "Principal": {"Federated": "x"}}), "p")
