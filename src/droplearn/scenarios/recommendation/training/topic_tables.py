"""User-Topic and Topic-Item: what users like, said by the topics of their items."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from droplearn.contracts.recommendation import weighted_ids
from droplearn.scenarios.recommendation.interactions import Interactions, Matrix, Numbers

TOPICS_OF_USER, ITEMS_OF_TOPIC = 20, 500

Texts = Iterator[tuple[str, str]]


class Topics:
    """Items (I) by topics (T): each item's weight of 1 is shared out among its topics."""

    def __init__(self, log: Interactions, topics: dict[str, list[str]]) -> None:
        from scipy import sparse

        self._log = log
        self.names = sorted({topic for item in log.items for topic in topics.get(item, ())})
        places = {name: place for place, name in enumerate(self.names)}
        pairs = [(i, places[topic], 1 / len(topics[item])) for i, item in enumerate(log.items) for topic in topics.get(item, ())]
        rows, columns, data = (list(part) for part in zip(*pairs, strict=True)) if pairs else ([], [], [])
        self._matrix: Matrix = sparse.csr_matrix((np.array(data, np.float32), (rows, columns)), shape=(len(log.items), len(self.names)))

    def user_topic(self, history: Matrix) -> Texts:
        """Shares that sum to 1 over all of a user's topics."""
        tastes = (history @ self._matrix).tocsr()
        for user, name in enumerate(self._log.users):
            span = slice(tastes.indptr[user], tastes.indptr[user + 1])
            total = float(tastes.data[span].sum())
            if total > 0:
                order = np.argsort(-tastes.data[span], kind="stable")[:TOPICS_OF_USER]
                pairs = zip(tastes.indices[span][order].tolist(), (tastes.data[span][order] / total).tolist(), strict=True)
                yield name, weighted_ids((self.names[topic], weight) for topic, weight in pairs)

    def topic_item(self, popularity: Numbers) -> Texts:
        """The items of a topic by the users they have, shared out among their topics."""
        found: dict[int, list[tuple[float, int]]] = defaultdict(list)
        entries = self._matrix.tocoo()
        for item, topic, share in zip(entries.row.tolist(), entries.col.tolist(), entries.data.tolist(), strict=True):
            found[topic].append((share * float(popularity[item]), item))
        for topic in sorted(found):
            best = sorted(found[topic], key=lambda pair: (-pair[0], pair[1]))[:ITEMS_OF_TOPIC]
            yield self.names[topic], weighted_ids((self._log.items[item], weight) for weight, item in best if weight > 0)
