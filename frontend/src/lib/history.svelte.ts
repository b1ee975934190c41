/** List of the client's jobs, as far as it was fetched. */

import { cancelJob, deleteJob, listJobs, Problem } from './api';
import { JobFeed } from './feed';
import { isActive } from './job';
import type { Job, Status } from './types';

const PAGE_SIZE = 24;

export class History {
  jobs = $state.raw<Job[]>([]);
  next = $state<string | null>(null);
  loading = $state(true);
  problem = $state<Problem | null>(null);

  /** Running job, or else the next one in the queue: only this job is followed, and its end reloads the list. */
  readonly current = $derived(this.jobs.findLast((job) => job.status === 'running') ?? this.jobs.findLast(isActive));

  #status: Status | undefined;

  /** Loads the newest jobs with this status; undefined loads those of every status. */
  async load(status: Status | undefined): Promise<void> {
    this.#status = status;
    await this.#fetch(undefined);
  }

  async reload(): Promise<void> {
    await this.#fetch(undefined);
  }

  async more(): Promise<void> {
    if (this.next) await this.#fetch(this.next);
  }

  async #fetch(before: string | undefined): Promise<void> {
    const status = this.#status;
    this.loading = true;
    this.problem = null;
    try {
      const page = await listJobs({ status, before, limit: PAGE_SIZE });
      if (status !== this.#status) return;
      this.jobs = before ? [...this.jobs, ...page.jobs] : page.jobs;
      this.next = page.next;
    } catch (error) {
      this.problem = Problem.from(error);
    } finally {
      this.loading = false;
    }
  }

  /** Follows one job until the returned function is called. */
  follow(id: string): () => void {
    const feed = new JobFeed(id, {
      onJob: (job) => {
        this.take(job);
        if (!isActive(job)) void this.reload();
      },
      onConnection: () => undefined,
    });
    return () => {
      feed.close();
    };
  }

  take(job: Job): void {
    this.jobs = this.jobs.map((other) => (other.id === job.id ? job : other));
  }

  drop(job: Job): void {
    this.jobs = this.jobs.filter((other) => other.id !== job.id);
  }

  /** Cancels all queued jobs, including those not listed yet, and returns their number. Raises Problem. */
  async cancelWaiting(): Promise<number> {
    return this.#each('queued', (job) => cancelJob(job.id));
  }

  /** Deletes all jobs that have ended and returns their number. Raises Problem. */
  async clearEnded(): Promise<number> {
    let count = 0;
    for (const status of ['succeeded', 'failed', 'canceled'] as const) {
      count += await this.#each(status, (job) => deleteJob(job.id));
    }
    return count;
  }

  async #each(status: Status, action: (job: Job) => Promise<unknown>): Promise<number> {
    const jobs: Job[] = [];
    let before: string | undefined;
    do {
      const page = await listJobs({ status, before, limit: PAGE_SIZE });
      jobs.push(...page.jobs);
      before = page.next ?? undefined;
    } while (before);
    for (const job of jobs) await action(job);
    return jobs.length;
  }
}
