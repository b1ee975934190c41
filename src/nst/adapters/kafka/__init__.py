"""JobQueue on Kafka: a topic of job ids, read by one consumer group of workers.

Kafka only wakes workers; the repository decides which worker runs which job. Transactions are
therefore unnecessary: the job of a repeated message is already claimed, and the job of a lost
message is found by a worker that polls the repository.
"""

from nst.adapters.kafka.administration import check, check_migration, create_topics
from nst.adapters.kafka.offer import look
from nst.adapters.kafka.queue import KafkaJobQueue

__all__ = ["KafkaJobQueue", "check", "check_migration", "create_topics", "look"]
