"""Writes the dashboards of Grafana with its Foundation SDK.

They are in deploy/grafana/dashboards. Every API process reports the same jobs, so these are never
added up; every other count belongs to one process.
"""

from collections.abc import Callable
from pathlib import Path

from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    ScaleDistributionConfig,
    StackingConfig,
    VizLegendOptions,
)
from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    QueryVariable,
    Row,
    ThresholdsConfig,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.timeseries import Panel as Timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    LegendDisplayMode,
    LegendPlacement,
    ScaleDistribution,
    StackingMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

DIRECTORY = Path(__file__).resolve().parent.parent / "deploy" / "grafana" / "dashboards"

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")

Query = tuple[str, str]
"""Expression of Prometheus, and the name of its line."""

Panel = Stat | Timeseries

# ── panels ────────────────────────────────────────────────────────────────────────────────────


def number(
    title: str, expression: str, unit: str, *, warns_at: float | None = None, width: int = 4
) -> Stat:
    """Return a panel with the latest value, which is red from `warns_at` on.
    A row of the grid has a width of 24."""
    steps = [Threshold(value=None, color="green")]
    if warns_at is not None:
        steps.append(Threshold(value=warns_at, color="red"))
    return (
        Stat()
        .title(title)
        .datasource(SOURCE)
        .with_target(_query(expression, title, "A").instant())
        .unit(unit)
        .span(width)
        .height(4)
        .color_mode(BigValueColorMode.VALUE)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    )


def lines(title: str, sentence: str, unit: str, *queries: Query) -> Timeseries:
    """Return a panel with values over time."""
    panel = (
        Timeseries()
        .title(title)
        .description(sentence)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .span(12)
        .height(8)
        .fill_opacity(10)
        .legend(
            VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
    )
    for letter, (expression, name) in zip("ABCDEF", queries, strict=False):
        panel = panel.with_target(_query(expression, name, letter))
    return panel


def stacked(panel: Timeseries) -> Timeseries:
    """Return the panel with stacked values, which are parts of a whole."""
    return panel.stacking(StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(40)


def logarithmic(panel: Timeseries) -> Timeseries:
    """Return the panel with a logarithmic scale, for values of many sizes."""
    scale = ScaleDistributionConfig().type(ScaleDistribution.LOG).log(10)
    return panel.scale_distribution(scale).fill_opacity(0)


def quantile(
    share: float, histogram: str, selector: str = "", window: str = "$__rate_interval"
) -> str:
    return (
        f"histogram_quantile({share}, sum by (le) (rate({histogram}_bucket{selector}[{window}])))"
    )


def per_minute(counter: str, *labels: str) -> str:
    by = f" by ({', '.join(labels)})" if labels else ""
    return f"sum{by} (rate({counter}[$__rate_interval])) * 60"


def _query(expression: str, name: str, letter: str) -> Dataquery:
    return Dataquery().expr(expression).legend_format(name).ref_id(letter).datasource(SOURCE)


def _dashboard(name: str, title: str, sentence: str) -> Dashboard:
    return (
        Dashboard(title)
        .uid(f"nst-{name}")
        .description(sentence)
        .tags(["nst"])
        .time("now-1h", "now")
        .refresh("15s")
        .timezone("browser")
        .readonly()
    )


def _filled(dashboard: Dashboard, *rows: tuple[str, list[Panel]]) -> Dashboard:
    """Return the dashboard with the panels of each row below its title."""
    for title, panels in rows:
        dashboard = dashboard.with_row(Row(title))
        for panel in panels:
            dashboard = dashboard.with_panel(panel)
    return dashboard


# ── dashboards ────────────────────────────────────────────────────────────────────────────────


def overview() -> Dashboard:
    return _filled(
        _dashboard(
            "overview", "nst: overview", "Health of the service and waiting time of its jobs."
        ),
        ("Health", _health()),
        ("Waiting time", _waits()),
        ("Activity", [*_attempts(), *_answers()]),
    )


def _health() -> list[Panel]:
    return [
        number("API processes", 'sum(up{job="nst-api"})', "none"),
        number("Workers", "count(nst_worker_last_turn_timestamp_seconds)", "none"),
        number("Alerts", 'count(ALERTS{alertstate="firing"}) or vector(0)', "none", warns_at=1),
        number("Failing requests", "nst:http_errors:ratio_5m", "percentunit", warns_at=0.05),
        number("Response time (95th percentile)", "nst:http_seconds:p95_5m", "s", warns_at=2),
        number("Failing attempts", "nst:attempts_failed:ratio_30m", "percentunit", warns_at=0.2),
    ]


def _waits() -> list[Panel]:
    return [
        number("Queued", 'nst:jobs:max{status="queued"}', "none"),
        number("Running", 'nst:jobs:max{status="running"}', "none"),
        number("Oldest queued job", "nst:queue_oldest_seconds:max", "s", warns_at=900),
        number("Waiting time (95th percentile)", "nst:wait_seconds:p95_10m", "s", warns_at=900),
        number(
            "Time of an attempt (median)",
            quantile(0.5, "nst_attempt_duration_seconds", window="1h"),
            "s",
        ),
        number("Workers busy", "nst:workers_busy:ratio", "percentunit"),
        stacked(
            lines(
                "Unfinished jobs",
                "The number of queued jobs grows if there are too few workers.",
                "short",
                ('nst:jobs:max{status=~"queued|running"}', "{{status}}"),
            )
        ),
        lines(
            "Waiting time of jobs",
            "Time from the submission of a job to its first claim by a worker.",
            "s",
            (quantile(0.5, "nst_wait_seconds"), "median"),
            (quantile(0.95, "nst_wait_seconds"), "95th percentile"),
        ),
    ]


def _attempts() -> list[Panel]:
    return [
        stacked(
            lines(
                "Attempts that ended, per minute",
                "Another worker continues an attempt that was given back.",
                "short",
                (per_minute("nst_attempts_total", "outcome"), "{{outcome}}"),
            )
        ),
        stacked(
            lines(
                "Jobs submitted, per minute",
                "A cached job gets the result of an earlier job with the same input.",
                "short",
                (per_minute("nst_jobs_taken_total", "cached"), "cached: {{cached}}"),
            )
        ),
    ]


def _answers() -> list[Panel]:
    answers = '{route!~".*/events|/healthz|/metrics|/readyz"}'
    return [
        stacked(
            lines(
                "Requests per second",
                "Requests by HTTP status.",
                "reqps",
                ("sum by (status) (rate(nst_http_requests_total[$__rate_interval]))", "{{status}}"),
            )
        ),
        lines(
            "Response time",
            "Time until a response begins; event streams, /metrics and /readyz are left out.",
            "s",
            (quantile(0.5, "nst_http_request_duration_seconds", answers), "median"),
            (quantile(0.95, "nst_http_request_duration_seconds", answers), "95th percentile"),
        ),
        lines(
            "Open event streams",
            "Each stream serves a page that shows a job, and takes a thread of the API.",
            "short",
            ("sum by (instance) (nst_event_streams)", "{{instance}}"),
        ),
        lines(
            "Failures of dependencies, per minute",
            "Failed calls of the database, the storage, the queue and Redis.",
            "short",
            (per_minute("nst_dependency_errors_total", "system"), "{{system}}"),
        ),
    ]


def workers() -> Dashboard:
    return _filled(
        _dashboard(
            "workers",
            "nst: workers",
            "Which workers run, how fast they are and how much memory they use.",
        ),
        ("Workers", _present()),
        ("Speed", _speed()),
        ("Resources", _resources()),
    )


def _present() -> list[Panel]:
    return [
        number("Workers", "count(nst_worker_last_turn_timestamp_seconds)", "none"),
        number("Painting", "sum(nst_attempts_running)", "none"),
        number(
            "Longest time without a turn",
            "time() - min(nst_worker_last_turn_timestamp_seconds)",
            "s",
            warns_at=120,
        ),
        number(
            "Leases lost in an hour",
            "sum(increase(nst_leases_expired_total[1h]))",
            "none",
            warns_at=3,
        ),
        number(
            "Crashes in an hour",
            'sum(increase(nst_attempts_total{outcome="crashed"}[1h]))',
            "none",
            warns_at=3,
        ),
        number("Versions", "count(count by (version) (nst_build_info))", "none", warns_at=2),
        lines(
            "Running attempts",
            "Attempts that are running, by process.",
            "short",
            ("sum by (instance) (nst_attempts_running)", "{{instance}}"),
        ),
        lines(
            "Unsuccessful attempts, per minute",
            "failed: error in the engine. crashed: it died. "
            "lease_lost: another worker has it, or the database no longer answered.",
            "short",
            (per_minute('nst_attempts_total{outcome!="succeeded"}', "outcome"), "{{outcome}}"),
        ),
    ]


def _speed() -> list[Panel]:
    return [
        lines(
            "Steps per second",
            "Steps of the optimizer, by process.",
            "short",
            (
                "sum by (instance) (rate(nst_step_duration_seconds_count[$__rate_interval]))",
                "{{instance}}",
            ),
        ),
        logarithmic(
            lines(
                "Time of a step",
                "The time of a step grows with the size of the image.",
                "s",
                (quantile(0.5, "nst_step_duration_seconds"), "median"),
                (quantile(0.95, "nst_step_duration_seconds"), "95th percentile"),
            )
        ),
        lines(
            "Time of a job",
            "Time from the claim of a job to its stored result.",
            "s",
            (quantile(0.5, "nst_attempt_duration_seconds"), "median"),
            (quantile(0.95, "nst_attempt_duration_seconds"), "95th percentile"),
        ),
        lines(
            "Evaluations per minute",
            "Evaluations of the loss and its gradient, counted when a job succeeds.",
            "short",
            (per_minute("nst_evaluations_total", "instance"), "{{instance}}"),
        ),
    ]


def _resources() -> list[Panel]:
    return [
        lines(
            "Memory of the engines",
            "Resident memory of each engine at its last step.",
            "bytes",
            ("nst_engine_memory_bytes", "{{worker}}"),
        ),
        lines(
            "GPU memory of the engines",
            "GPU memory allocated by each engine at its last step; 0 without a GPU.",
            "bytes",
            ("nst_engine_gpu_memory_bytes", "{{worker}}"),
        ),
        lines(
            "Memory of API and workers",
            "Resident memory; the engine processes are left out.",
            "bytes",
            ('process_resident_memory_bytes{job=~"nst-.*"}', "{{instance}}"),
        ),
        lines(
            "CPU usage of API and workers",
            "Processor cores in use; the engine processes are left out.",
            "short",
            ('rate(process_cpu_seconds_total{job=~"nst-.*"}[$__rate_interval])', "{{instance}}"),
        ),
    ]


def job() -> Dashboard:
    return _filled(
        _dashboard(
            "job",
            "nst: one job",
            "The job that a worker is painting. The job and the log name the worker.",
        ).with_variable(
            QueryVariable("worker")
            .label("worker")
            .datasource(SOURCE)
            .query("label_values(nst_worker_last_turn_timestamp_seconds, worker)")
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        ),
        ("The job of $worker", _running_job()),
        ("All jobs", _other_jobs()),
    )


def _running_job() -> list[Panel]:
    mine = '{worker="$worker"}'
    return [
        number("Step", f"nst_running_step{mine}", "none"),
        number("of at most", f"nst_running_last_step{mine}", "none"),
        number("Done", f"nst_running_step{mine} / nst_running_last_step{mine}", "percentunit"),
        number("Loss", 'nst_running_loss{worker="$worker", term="total"}', "sci"),
        number("Memory", f"nst_engine_memory_bytes{mine}", "bytes"),
        number("GPU memory", f"nst_engine_gpu_memory_bytes{mine}", "bytes"),
        logarithmic(
            lines(
                "Loss",
                "Terms of the loss, each multiplied by its weight.",
                "sci",
                (f"nst_running_loss{mine}", "{{term}}"),
            )
        ),
        lines(
            "Step",
            "The steeper the line, the faster the engine.",
            "short",
            (f"nst_running_step{mine}", "step"),
            (f"nst_running_last_step{mine}", "last step"),
        ),
    ]


def _other_jobs() -> list[Panel]:
    return [
        logarithmic(
            lines(
                "Loss at the end (median)",
                "Terms of the loss at the end of all transfers.",
                "sci",
                (
                    "histogram_quantile(0.5, sum by (le, term) "
                    "(rate(nst_final_loss_bucket[$__rate_interval])))",
                    "{{term}}",
                ),
            )
        ),
        lines(
            "Time of a step (mean)",
            "Mean time of a step over all workers.",
            "s",
            ("nst:step_seconds:mean_5m", "all"),
        ),
    ]


def kafka() -> Dashboard:
    return _filled(
        _dashboard("kafka", "nst: Kafka", "Whether messages reach the workers."),
        ("Messages", [*_waiting(), *_messages()]),
    )


def _waiting() -> list[Panel]:
    return [
        number("Consumer lag", "sum(nst_queue_lag_messages)", "none", width=6),
        number("Queued jobs", 'nst:jobs:max{status="queued"}', "none", width=6),
        number(
            "Failures in 5 minutes",
            'sum(increase(nst_dependency_errors_total{system="queue"}[5m]))',
            "none",
            warns_at=5,
            width=6,
        ),
        number("Consumers", "count(nst_queue_lag_messages)", "none", width=6),
    ]


def _messages() -> list[Panel]:
    return [
        lines(
            "Consumer lag",
            "Unread messages in the partitions of each worker, as the worker reports them.",
            "short",
            ("nst_queue_lag_messages", "{{worker}}"),
        ),
        stacked(
            lines(
                "Messages received, per minute",
                "A message finds no job if another worker has already claimed it.",
                "short",
                (per_minute("nst_messages_total", "found"), "found {{found}}"),
            )
        ),
        lines(
            "Jobs submitted and attempts ended, per minute",
            "Idle workers also find jobs that no message announced.",
            "short",
            (per_minute("nst_jobs_taken_total"), "jobs submitted"),
            (per_minute('nst_messages_total{found="job"}'), "announced by a message"),
            (per_minute("nst_attempts_total"), "attempts ended"),
        ),
        lines(
            "Failures of the queue, per minute",
            "Jobs run without the queue, but start later.",
            "short",
            (per_minute('nst_dependency_errors_total{system="queue"}', "instance"), "{{instance}}"),
        ),
    ]


DASHBOARDS: dict[str, Callable[[], Dashboard]] = {
    "overview": overview,
    "workers": workers,
    "job": job,
    "kafka": kafka,
}


def text(name: str) -> str:
    """Return the content of a dashboard's file."""
    return JSONEncoder(sort_keys=True, indent=2).encode(DASHBOARDS[name]().build()) + "\n"


if __name__ == "__main__":
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name in DASHBOARDS:
        (DIRECTORY / f"{name}.json").write_text(text(name))
        print(DIRECTORY / f"{name}.json")
