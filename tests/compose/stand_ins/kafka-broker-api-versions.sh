#!/bin/sh
set -eu
# Before Kafka 4, this command was part of the broker.
package=org.apache.kafka.tools
! ls /opt/kafka/libs/kafka_2.13-3.*.jar >/dev/null 2>&1 || package=kafka.admin
exec java -Xmx64m -XX:TieredStopAtLevel=1 -cp '/opt/kafka/libs/*' \
    "$package.BrokerApiVersionsCommand" "$@"
