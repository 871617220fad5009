"""The checks of lab 10: laws of parallel work and of queues, and a simulation that agrees with them."""

import json
import math
import statistics

from lab_tool.checking import check, measure

HINTS = {
    "amdahl": {
        "en": "Only the parallel share of the time is divided by the workers; the rest stays: 1 / ((1 - p) + p / n). Divide "
              "as double: in C++ 1 / 2 is 0.",
        "zh": "只有可并行的那部分时间除以工作线程数，其余不变：1 / ((1 - p) + p / n)。要用 double 相除：在 C++ 里 1 / 2 是 0。",
        "read": "the handout, step 1",
    },
    "little": {
        "en": "Little's law: the number in the system is the rate times the time of each in it, L = λ W.",
        "zh": "Little 定律：系统中的数量等于速率乘以每个请求停留的时间，L = λ W。",
        "read": "the handout, step 2",
    },
    "pool": {
        "en": "A worker completes 1 / seconds requests per second, and all workers together that many times their number.",
        "zh": "一个工作线程每秒完成 1 / seconds 个请求，全部线程再乘以它们的个数。",
        "read": "the handout, step 2; server/models/thread_pool.cpp",
    },
    "closed": {
        "en": "Two bounds: N clients that wait for replies give at most N / (seconds + think); the pool serves at most "
              "workers / seconds. The lower one counts.",
        "zh": "有两个上界：N 个等待回复的客户最多产生 N / (seconds + think)；线程池最多完成 workers / seconds。取较小的一个。",
        "read": "the handout, step 3",
    },
    "erlang": {
        "en": "Compare with the case of one worker, where the probability is the load itself, and with the handout's table.",
        "zh": "先与只有一个工作线程的情形比较，那时概率就等于负载；再与讲义中的表比较。",
        "read": "the handout, step 4",
    },
    "overflow": {
        "en": "load^workers and workers! exceed the range of double at some 170 workers, and inf / inf is nan. Use the "
              "recursion over the workers instead.",
        "zh": "大约 170 个工作线程时，load^workers 和 workers! 就超出 double 的范围，而 inf / inf 是 nan。请改用对工作线程数的递推。",
        "read": "the handout, step 4",
    },
    "overload": {
        "en": "If the load is not below the number of workers, the queue grows for ever: the wait is infinite, and each request finds "
              "all workers busy. The formula would give a negative time.",
        "zh": "如果负载不小于工作线程数，队列会无限增长：等待时间是无穷大，每个请求都发现所有线程在忙。直接套公式会得到负的时间。",
        "read": "queueing.hpp; the handout, step 4",
    },
    "wait": {
        "en": "The mean wait is C * seconds / (workers - load). It is the time before the service begins, without the service.",
        "zh": "平均等待时间是 C * seconds / (workers - load)。它是服务开始之前的时间，不含服务本身。",
        "read": "the handout, step 4",
    },
    "simulation": {
        "en": "The simulation does not agree with the formula. Usual causes: times that are not exponential, a wait that "
              "includes the service, a worker that begins before the request has arrived, or only one worker.",
        "zh": "模拟结果与公式不一致。常见原因：时间不是指数分布；把服务时间也算进了等待；请求还没到达工作线程就开始了；或只有一个工作线程。",
        "read": "the handout, step 5; man 3 exp; std::exponential_distribution: its parameter is a rate, not a mean",
    },
    "seed": {
        "en": "The generator is seeded by the argument alone: the same seed gives the same number, another seed another one.",
        "zh": "随机数发生器只由参数 seed 初始化：种子相同，结果相同；种子不同，结果不同。",
        "read": "std::mt19937_64; no std::random_device, no time(2)",
    },
}


def value(lab, *arguments):
    """Runs the program, and returns the number that it prints."""
    ended = lab.run("queueing", *arguments, limit=20)
    text = ended.output().strip()
    try:
        return float(text)
    except ValueError:
        lab.fail(f"no number but {text!r}; standard error: {ended.errors().splitlines()[:1]}")


def expect_value(lab, expected, *arguments, tolerance=1e-4):
    came = value(lab, *arguments)
    lab.expect(math.isclose(came, expected, rel_tol=tolerance, abs_tol=1e-9),
               f"queueing {' '.join(map(str, arguments))} printed {came:g}, expected {expected:g}"
               + (f" within {tolerance:.0%}" if tolerance > 0.001 else ""))


def erlang_c(workers, load):
    blocked = 1.0
    for i in range(1, workers + 1):
        blocked = load * blocked / (i + load * blocked)
    return blocked / (1 - load / workers * (1 - blocked))


@check("amdahl", "Amdahl's law: the part that is not parallel bounds the speed", hint="amdahl")
def amdahl(lab):
    for share, workers in ((0.9, 2), (0, 8), (1, 4), (0.5, 1), (0.95, 1000000), (0.3, 3)):
        expect_value(lab, 1 / (1 - share + share / workers), "amdahl", share, workers)


@check("little", "Little's law: the number in a system", hint="little")
def little(lab):
    for rate, seconds in ((200, 0.05), (1000, 0.0125), (3, 7)):
        expect_value(lab, rate * seconds, "little", rate, seconds)


@check("pool", "a pool has a highest rate", hint="pool")
def pool(lab):
    for workers, seconds in ((4, 0.05), (1, 0.001), (3, 2)):
        expect_value(lab, workers / seconds, "pool", workers, seconds)


@check("closed", "clients that wait for replies, or the pool: one of them bounds the rate", hint="closed", points=2)
def closed(lab):
    for clients, workers, seconds, think in ((2, 4, 0.05, 0), (16, 4, 0.05, 0), (100, 4, 0.05, 1.95), (200, 4, 0.05, 1.95), (1, 1, 0.02, 0.08)):
        expect_value(lab, min(clients / (seconds + think), workers / seconds), "closed", clients, workers, seconds, think)


@check("erlang", "the probability that all workers are busy", hint="erlang", points=2)
def erlang(lab):
    for workers, load in ((1, 0.5), (2, 1), (4, 3.2), (10, 9), (16, 4)):
        expect_value(lab, erlang_c(workers, load), "erlang-c", workers, load)


@check("many-workers", "hundreds of workers are no problem for the formula", hint="overflow", needs=["erlang"], points=2)
def many_workers(lab):
    for workers, load in ((200, 190), (500, 480), (5000, 4990)):
        expect_value(lab, erlang_c(workers, load), "erlang-c", workers, load)


@check("overload", "an overloaded queue is recognised", hint="overload", needs=["erlang"], points=2)
def overload(lab):
    for workers, rate, seconds in ((1, 100, 0.01), (4, 500, 0.01)):
        expect_value(lab, 1, "erlang-c", workers, rate * seconds)
        came = value(lab, "wait", workers, rate, seconds)
        lab.expect(came == math.inf, f"{rate} requests per second of {seconds} s each, {workers} workers: the wait is {came:g}, expected inf")


@check("wait", "the mean wait in the queue", hint="wait", needs=["erlang"], points=2)
def wait(lab):
    for workers, rate, seconds in ((1, 50, 0.01), (1, 80, 0.01), (4, 320, 0.01), (2, 1, 1.5)):
        load = rate * seconds
        expect_value(lab, erlang_c(workers, load) * seconds / (workers - load), "wait", workers, rate, seconds)


# 200,000 requests: the standard deviation of the mean wait is 1 % at half load, 3 % at 4/5 of the load.
@check("simulation", "the simulation agrees with the formula, for one worker and for more", hint="simulation", needs=["wait"], points=3, limit=60)
def simulation(lab):
    for workers, rate, tolerance in ((1, 50, 0.08), (1, 80, 0.2), (4, 320, 0.2), (2, 100, 0.08)):
        expected = erlang_c(workers, rate * 0.01) * 0.01 / (workers - rate * 0.01)
        expect_value(lab, expected, "simulate", workers, rate, 0.01, 200000, 7, tolerance=tolerance)


@check("seed", "the seed decides the result of a simulation", hint="seed", needs=["simulation"])
def seed(lab):
    first, again, other = (value(lab, "simulate", 2, 100, 0.01, 1000, number) for number in (1, 1, 2))
    lab.expect(first == again, f"seed 1 gave {first:g}, and then {again:g}")
    lab.expect(first != other, f"seeds 1 and 2 both gave {first:g}")


# Measurements, by parley-server and parley-load ----------------------------------------------------------------------

def measured(lab, server_options, load_options):
    """Returns the report of one load of a server that is started for it."""
    for program in ("parley-server", "parley-load"):
        lab.add_parley_program(program)
    server = lab.start_server("parley-server", "--listen", "127.0.0.1:0", "--log-level", "error", *server_options)
    load = lab.run("parley-load", f"127.0.0.1:{server.port}", *load_options, "--json", "report.json", limit=30)
    server.end()
    report = lab.folder / "report.json"
    if not report.exists():
        lab.fail(f"parley-load ended with status {load.process.returncode}: {load.errors()}")
    return json.loads(report.read_text())


def median_ratio(pairs):
    """Returns the median of value / base over (base, value) of three pairs that were measured one after the other."""
    return statistics.median(value / base for base, value in pairs)


PI = ("--service", "pi")
COMPUTE = ("--service", "pi", "--digits", 400, "--duration", "400ms")
WAIT = ("--service", "wait", "--wait", "10ms", "--connections", 16, "--duration", "400ms")


def rate(lab, model, workers, service, load):
    return measured(lab, ("--model", model, "--workers", workers, *service), load)["rate"]


def latency(lab, load):
    return measured(lab, ("--model", "loop-pool", "--workers", 1, *PI), load)["latency_ms"]["mean"]


@measure("second-worker", limit=60)
def second_worker(lab):
    return median_ratio([[rate(lab, "pool", workers, PI, (*COMPUTE, "--connections", 2)) for workers in (1, 2)] for _ in range(3)])


@measure("eight-workers", limit=60)
def eight_workers(lab):
    return median_ratio([[rate(lab, "pool", workers, ("--service", "wait"), WAIT) for workers in (2, 8)] for _ in range(3)])


@measure("six-clients", limit=60)
def six_clients(lab):
    return median_ratio([[latency(lab, (*COMPUTE, "--connections", clients)) for clients in (1, 6)] for _ in range(3)])


@measure("four-fifths", limit=90)
def four_fifths(lab):
    def pair():
        alone = measured(lab, ("--model", "loop-pool", "--workers", 1, *PI), (*COMPUTE, "--connections", 1))
        arrivals = ("--connections", 50, "--rate", 0.8 * alone["rate"], "--arrivals", "poisson")
        return alone["latency_ms"]["mean"], latency(lab, (*COMPUTE, *arrivals))

    return median_ratio([pair() for _ in range(3)])
