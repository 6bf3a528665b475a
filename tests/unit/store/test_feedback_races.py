"""Requests and what is said of them come from two sides at once: neither misses the other."""

import threading

from tests.support.records import NOW, TRAITS, record
from turnout.store.ledger import Ledger
from turnout.types.feedback import Feedback

N, BY = 600, 20


def test_imports_and_ingest_at_once_lose_nothing(store_url: str):
    """The control plane's threads import while its ingest goes on; whoever comes second joins the two."""
    one, other = Ledger(store_url), Ledger(store_url)
    begin = threading.Barrier(2, timeout=10)
    failed: list[BaseException] = []

    def ingest() -> None:
        begin.wait()
        for start in range(0, N, BY):
            one.ingest([record(n, traits=TRAITS) for n in range(start, start + BY)], "s", start + BY)

    def take() -> None:
        begin.wait()
        for start in range(0, N, BY):
            said = [
                Feedback(id="", at=NOW, kind="thumb", source="user", request_id=f"req-{n}", tenant="web", value=1.0, verdict=1.0)
                for n in range(start, start + BY)
            ]
            other.feedback.take(said)

    def tried(work) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=tried, args=(work,)) for work in (ingest, take)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    with one._engine.connect() as connection:
        joined = connection.exec_driver_sql("select count(*) from feedback where state = 'joined'").scalar()
        judged = connection.exec_driver_sql("select count(*) from requests where verdict = 1.0 and verdict_by = 'user'").scalar()
    one.close()
    other.close()
    assert (joined, judged) == (N, N)
