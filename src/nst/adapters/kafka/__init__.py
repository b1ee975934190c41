"""JobQueue on Kafka: a topic of job ids, read by one consumer group of workers.

Kafka wakes workers and no more; the repository decides who does what. So there are no
transactions: a message that is repeated finds its job taken, and the job of one that is lost is
found by whoever looks into the repository.
"""

from nst.adapters.kafka.administration import check, check_migration, create_topics
from nst.adapters.kafka.offer import look
from nst.adapters.kafka.queue import KafkaJobQueue

__all__ = ["KafkaJobQueue", "check", "check_migration", "create_topics", "look"]
