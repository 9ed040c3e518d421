"""Which pairs a step sees: a function of the seed and the step, so that a resumed run sees what it would have."""

import random


class Shuffled:
    """`count` things in another order every epoch."""

    def __init__(self, count, seed):
        self.count, self.seed = count, seed
        self._epoch, self._order = -1, []

    def at(self, index):
        epoch, place = divmod(index, self.count)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, list(range(self.count))
            random.Random("%s/%d" % (self.seed, epoch)).shuffle(self._order)
        return self._order[place]


class Sampler:
    """Batches of `fresh` pairs of the new data and `old` of the data that is mixed in."""

    def __init__(self, new, mixed, fresh, old, seed):
        self.new, self.mixed = new, mixed
        self.fresh, self.old = fresh, old
        self.new_order = Shuffled(len(new), "%d/new" % seed)
        self.old_order = Shuffled(max(1, len(mixed)), "%d/old" % seed)

    def pairs(self, step):
        """Of step 0, 1, ...: the new ones first."""
        rows = [self.new[self.new_order.at(step * self.fresh + i)] for i in range(self.fresh)]
        return rows + [self.mixed[self.old_order.at(step * self.old + i)] for i in range(self.old)]
