"""Share links in the database."""

from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select
from sqlalchemy.sql.expression import ColumnElement

from nst.adapters.sql.connection import Transactions
from nst.adapters.sql.schema import jobs, now, shares
from nst.errors import JobNotFound, TooManyShares
from nst.jobs.job import Share


class SqlShares(Transactions):
    """The part of a JobRepository that stores share links."""

    def add_share(self, share: Share, most: int) -> None:
        # The lock of the job lets one transaction at a time count and insert.
        lock = select(jobs.c.id).where(jobs.c.id == share.job_id).with_for_update()
        of_job = shares.c.job_id == share.job_id
        count = select(func.count()).select_from(shares).where(of_job)
        with self._write() as connection:
            if connection.execute(lock).first() is None:
                raise JobNotFound(share.job_id)
            connection.execute(delete(shares).where(of_job, shares.c.expires_at <= now()))
            if connection.execute(count).scalar_one() >= most:
                raise TooManyShares(share.job_id, most)
            connection.execute(insert(shares).values(share.model_dump()))

    def shares(self, job_id: str) -> Sequence[Share]:
        return self._shares(shares.c.job_id == job_id)

    def find_share(self, token_sha256: str) -> Share | None:
        return next(iter(self._shares(shares.c.token_sha256 == token_sha256)), None)

    def delete_share(self, job_id: str, share_id: str) -> None:
        with self._write() as connection:
            connection.execute(
                delete(shares).where(shares.c.id == share_id, shares.c.job_id == job_id)
            )

    def _shares(self, condition: ColumnElement[bool]) -> Sequence[Share]:
        statement = select(shares).where(condition, shares.c.expires_at > now())
        with self._read() as connection:
            rows = connection.execute(statement.order_by(shares.c.created_at))
            return [Share.model_validate(row._mapping) for row in rows]
