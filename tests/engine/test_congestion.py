"""What the rate control promises, counted call by call in a model of a lane (`lane_model`)."""

import random
from operator import itemgetter
from statistics import mean

import pytest

from migrate_mfa.engine.congestion import CUT, HOLD_S, PAUSE_S, SLOWEST, UNDER, Congestion
from tests.engine.lane_model import QUOTA, Calls, LaneModel, Network, a_bucket

SEEDS = range(1, 6)
START, STEP_S, END = 30.0, 10.0, 330.0
BURSTS = (1.0, 0.2)
NETWORKS = (Network(), Network(tail_s=0.25), Network(tail_s=0.06, give_or_take=0.0))
"""The last one takes the same time for every call, so that nothing but we can break the step of our calls."""
everywhere = pytest.mark.parametrize(
    ("burst_s", "network"), [(burst, network) for burst in BURSTS for network in NETWORKS]
)


def shared(rps: float, *, ceiling: float = QUOTA, burst_s: float, network: Network, seed: int) -> LaneModel:
    """A lane that was ours alone, until others came at `START`."""
    lane = LaneModel([ceiling], burst_s=burst_s, network=network, seed=seed)
    lane.live_traffic(rps, START)
    return lane.run(END)


@everywhere
def test_alone_the_whole_quota_is_used_and_nobody_throttled(burst_s: float, network: Network) -> None:
    lane = LaneModel([QUOTA], burst_s=burst_s, network=network).run(300.0)

    assert lane.ours[0].throttled_share() == 0
    assert lane.ours[0].accepted() >= 0.97 * QUOTA * 300


@everywhere
def test_what_others_leave_is_used_and_nearly_nobody_throttled(burst_s: float, network: Network) -> None:
    lanes = [shared(10, burst_s=burst_s, network=network, seed=seed) for seed in SEEDS]

    left = (QUOTA - 10) * (END - START)
    for lane in lanes:
        assert lane.ours[0].accepted(START) >= 0.97 * left
        assert lane.ours[0].throttled_share(START) <= 0.01
    assert mean(lane.others.throttled_share(START, START + STEP_S) for lane in lanes) <= 0.03
    assert mean(lane.others.throttled_share(START + STEP_S) for lane in lanes) <= 0.005


@everywhere
def test_nobody_is_throttled_while_both_keep_to_their_halves(burst_s: float, network: Network) -> None:
    lane = shared(12, ceiling=12.0, burst_s=burst_s, network=network, seed=1)

    assert lane.ours[0].throttled_share() == lane.others.throttled_share() == 0
    assert lane.ours[0].accepted() >= 0.97 * 12 * END


@everywhere
def test_when_others_need_four_fifths_they_get_them(burst_s: float, network: Network) -> None:
    lanes = [shared(20, burst_s=burst_s, network=network, seed=seed) for seed in SEEDS]

    assert mean(lane.others.throttled_share(START, START + STEP_S) for lane in lanes) <= 0.06
    assert mean(lane.others.throttled_share(START + STEP_S) for lane in lanes) <= 0.01
    assert all(lane.ours[0].accepted(START) >= 0.97 * 5 * (END - START) for lane in lanes)


@everywhere
def test_traffic_that_comes_wholly_at_random_costs_us_speed_and_others_little(
    burst_s: float, network: Network
) -> None:
    lanes = []
    for seed in SEEDS:
        lane = LaneModel([QUOTA], burst_s=burst_s, network=network, seed=seed)
        lane.live_traffic(10, START, random=True)
        lanes.append(lane.run(END))

    assert mean(lane.others.throttled_share(START) for lane in lanes) <= 0.015
    assert mean(lane.ours[0].throttled_share(START) for lane in lanes) <= 0.01
    assert mean(lane.ours[0].accepted(START) for lane in lanes) >= 0.5 * 15 * (END - START)


def test_with_a_shallow_bucket_and_traffic_at_random_no_steady_rate_could_take_all_that_is_left() -> None:
    """Why the promise for random traffic is so much smaller: somebody is refused long before all is used."""
    chance = random.Random(1)
    bucket, ours, others = a_bucket(0.2), Calls(), Calls()
    rate, rps, end = 0.8 * 15, 10, 3600.0
    moments = sorted(
        [(number / rate, ours) for number in range(int(end * rate))]
        + [(chance.uniform(0, end), others) for _ in range(int(end * rps))],
        key=itemgetter(0),
    )

    for at, whose in moments:
        whose.made.append((at, bucket.take(at)))

    assert ours.throttled_share() > 0.008
    assert others.throttled_share() > 0.02


def test_the_quota_that_others_gave_up_is_used_again_within_two_minutes() -> None:
    lane = LaneModel([QUOTA])
    lane.live_traffic(10, START, 130.0)
    lane.run(400.0)

    assert lane.ours[0].accepted(250.0, 400.0) >= 0.97 * QUOTA * 150
    assert lane.ours[0].throttled_share(250.0) == 0


@everywhere
def test_two_categories_that_are_one_quota_after_all_share_it(burst_s: float, network: Network) -> None:
    lane = LaneModel([QUOTA, QUOTA], burst_s=burst_s, network=network).run(600.0)

    shares = [calls.accepted(100.0) / 500 for calls in lane.ours]
    assert 0.93 * QUOTA <= sum(shares) <= 1.01 * QUOTA
    assert min(shares) >= 0.25 * QUOTA
    assert all(calls.throttled_share(100.0) <= 0.01 for calls in lane.ours)


@pytest.mark.parametrize("burst_s", BURSTS)
def test_no_second_ever_holds_more_than_the_ceiling(burst_s: float) -> None:
    lane = shared(10, ceiling=20.0, burst_s=burst_s, network=NETWORKS[1], seed=3)

    sent = lane.sent[0]
    assert all(later - earlier >= 1.0 - 1e-9 for earlier, later in zip(sent, sent[20:], strict=False))


# The shape of the curve, by hand


def cut_at(congestion: Congestion, now: float, sent_at: float | None = None) -> bool:
    congestion.sent()
    return congestion.refused(now if sent_at is None else sent_at, now)


def busy(congestion: Congestion, calls: int) -> None:
    for _ in range(calls):
        congestion.sent()


def test_the_first_throttle_cuts_holds_and_searches_upwards() -> None:
    congestion = Congestion(25.0)
    cut_at(congestion, 100.0)

    def rate_after(seconds: float) -> float:
        return congestion.rate(100.0 + seconds)

    assert rate_after(0.1) == pytest.approx(25 * CUT * CUT)
    assert rate_after(PAUSE_S) == rate_after(PAUSE_S + HOLD_S) == pytest.approx(25 * CUT)
    assert rate_after(PAUSE_S + HOLD_S + 1) == pytest.approx(25 * CUT + 1.0)
    assert rate_after(PAUSE_S + HOLD_S + 60) == 25


def test_the_next_one_comes_back_to_just_under_what_went_through() -> None:
    congestion = Congestion(25.0)
    cut_at(congestion, 100.0)
    busy(congestion, 140)
    cut_at(congestion, 110.0)

    assert congestion.rate(110.1) == pytest.approx(14 * UNDER * CUT)
    assert congestion.rate(110.0 + PAUSE_S) == pytest.approx(14 * UNDER)
    assert congestion.rate(130.0) == pytest.approx(14 * UNDER, rel=0.02)
    assert 15 < congestion.rate(160.0) < 20
    assert congestion.rate(210.0) == 25


def test_calls_sent_before_the_cut_say_nothing_new() -> None:
    congestion = Congestion(25.0)
    assert cut_at(congestion, 100.0, sent_at=99.9)
    before = congestion.rate(100.05)

    assert not any(cut_at(congestion, 100.05, sent_at=99.95) for _ in range(8))
    assert congestion.rate(100.05) == before


def test_a_throttle_in_the_pause_meets_it_half_way() -> None:
    congestion = Congestion(20.0)
    cut_at(congestion, 100.0)
    low, back_to = congestion.rate(100.1), congestion.rate(100.0 + PAUSE_S)

    assert cut_at(congestion, 100.2)
    assert congestion.rate(100.2 + PAUSE_S) == pytest.approx((low + back_to) / 2)


def test_however_many_throttles_a_free_quota_is_noticed() -> None:
    congestion = Congestion(25.0)
    for number in range(60):
        cut_at(congestion, 100.0 + number / 10)

    assert congestion.rate(106.0) == pytest.approx(25 * SLOWEST)
    assert congestion.rate(106.0 + 100.0) == 25
