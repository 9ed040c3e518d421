#!/usr/bin/env python3
"""How long an archive takes on many machines, when some are slow and some are lost.

    python3 scale/simulate.py [--hours 1000000] [--machines 1000] [--rate 2.8] [--seed 1]

The archive is cut into shares by the hash of each file's name, as `--shard I/N` does; a free machine takes the next
share, and works through its files. Machines differ in speed, a few are four times as slow, and any may be lost: then the
file in hand is done again, by the machine that gets the share next, and what was finished stays, for an index is
written a recording at a time. Prints the time until the last share is done beside the least there could be (all machines
busy until the end), for several numbers of shares a machine. The last line gives out single files.
"""

import argparse
import heapq
import random

MEAN_HOURS, SPREAD = 0.5, 1.0  # of a file: log-normal
SPEED_SPREAD, SLOW_SHARE, SLOW = 0.1, 0.02, 4.0  # of machines
HOURS_BETWEEN_LOSSES = 500.0  # of one machine
HOURS_TO_RETURN = 0.25  # until another stands in for it


def archive(rng, hours):
    files, total = [], 0.0
    while total < hours:
        files.append(rng.lognormvariate(0, SPREAD) * MEAN_HOURS / 1.6487)  # e^(SPREAD^2 / 2)
        total += files[-1]
    return files


def shares_of(rng, files, count):
    shares = [[] for _ in range(count)]
    for length in files:
        shares[rng.randrange(count)].append(length)
    return shares


def run(rng, shares, machines, rate):
    """Hours until all is done, and hours of footage that were done twice."""
    speeds = [rate * rng.lognormvariate(0, SPEED_SPREAD) / (SLOW if rng.random() < SLOW_SHARE else 1)
              for _ in range(machines)]
    waiting = [(share, 0) for share in reversed(shares)]  # and the first file that is to be done
    free = [(0.0, machine) for machine in range(machines)]
    end = twice = 0.0
    while waiting:
        now, machine = heapq.heappop(free)
        share, first = waiting.pop()
        lost_at = now + rng.expovariate(1 / HOURS_BETWEEN_LOSSES)
        for number in range(first, len(share)):
            took = share[number] / speeds[machine]
            if now + took > lost_at:
                twice += (lost_at - now) * speeds[machine]
                waiting.append((share, number))
                now = lost_at + HOURS_TO_RETURN
                break
            now += took
            end = max(end, now)
        heapq.heappush(free, (now, machine))
    return end, twice, sum(speeds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hours", type=float, default=1e6, help="of footage")
    parser.add_argument("--machines", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=2.8, help="hours of footage a machine does in an hour")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    files = archive(rng, args.hours)
    print("%d files of %.0f hours, %d machines" % (len(files), sum(files), args.machines))
    print("shares a machine   hours   times the least   done twice")
    for each in (1, 4, 16, 64, None):
        shares = shares_of(rng, files, each * args.machines) if each else [[length] for length in files]
        end, twice, speed = run(random.Random(args.seed), shares, args.machines, args.rate)
        print("%16s %7.0f %17.2f %11.3f %%" % (each or "by file", end, end / (sum(files) / speed),
                                               100 * twice / sum(files)))


if __name__ == "__main__":
    main()
