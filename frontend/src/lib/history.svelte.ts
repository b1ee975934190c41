/** List of the client's jobs, as far as it was fetched. */

import { cancelJob, deleteJob, listJobs, Problem } from './api';
import { JobFeed } from './feed';
import { isActive } from './job';
import type { Job, JobPage, Status } from './types';

const PAGE_SIZE = 24;
/** Maximum number of jobs in one response of the server. */
const MAX_PAGE_SIZE = 100;
/** HTTP statuses of actions on a job that is deleted, or has ended, since it was listed. */
const CHANGED = [404, 409];

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
    await this.#show(() => this.#fetch(PAGE_SIZE));
  }

  /** Loads as many of the newest jobs as are shown. */
  async reload(): Promise<void> {
    await this.#show(() => this.#fetch(Math.max(PAGE_SIZE, this.jobs.length)));
  }

  /** Adds the jobs after the last ones that were fetched. */
  async more(): Promise<void> {
    await this.#show(async () => {
      const older = await this.#fetch(PAGE_SIZE, this.next ?? undefined);
      const isShown = (job: Job) => this.jobs.some(({ id }) => id === job.id);
      return { ...older, jobs: [...this.jobs, ...older.jobs.filter((job) => !isShown(job))] };
    });
  }

  /** Shows a page of jobs, unless another status was chosen while it was fetched. */
  async #show(fetch: () => Promise<JobPage>): Promise<void> {
    const status = this.#status;
    this.loading = true;
    this.problem = null;
    try {
      const { jobs, next } = await fetch();
      if (status !== this.#status) return;
      this.jobs = jobs;
      this.next = next;
    } catch (error) {
      this.problem = Problem.from(error);
    } finally {
      this.loading = false;
    }
  }

  /** Fetches at least `count` jobs, as far as there are so many, after `before`: `next` of a page; undefined: the newest. */
  async #fetch(count: number, before?: string): Promise<JobPage> {
    const page = await listJobs({ status: this.#status, before, limit: Math.min(count, MAX_PAGE_SIZE) });
    const missing = count - page.jobs.length;
    if (page.next === null || missing <= 0) return page;
    const rest = await this.#fetch(missing, page.next);
    return { ...rest, jobs: [...page.jobs, ...rest.jobs] };
  }

  /** Follows one job until the returned function is called. */
  follow(id: string): () => void {
    const feed = new JobFeed(id, {
      onJob: (job) => {
        this.take(job);
        if (!isActive(job)) void this.reload();
      },
      onConnection: (connection) => {
        if (connection === 'gone') void this.reload();
      },
    });
    return () => {
      feed.close();
    };
  }

  take(job: Job): void {
    this.jobs = this.jobs.map((other) => (other.id === job.id ? job : other));
  }

  /** Removes a deleted job; loads older ones if it was the last that is shown. */
  drop(job: Job): void {
    this.jobs = this.jobs.filter((other) => other.id !== job.id);
    if (this.jobs.length === 0 && this.next) void this.reload();
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

  /** Acts on all jobs of a status, and returns their number without those that have changed since. Raises Problem. */
  async #each(status: Status, action: (job: Job) => Promise<unknown>): Promise<number> {
    const jobs: Job[] = [];
    let before: string | undefined;
    do {
      const page = await listJobs({ status, before, limit: PAGE_SIZE });
      jobs.push(...page.jobs);
      before = page.next ?? undefined;
    } while (before);
    let count = 0;
    for (const job of jobs) if (await isDone(action(job))) count++;
    return count;
  }
}

/** Returns whether an action on a job is done; false if the job has changed since it was listed. Raises Problem. */
async function isDone(action: Promise<unknown>): Promise<boolean> {
  try {
    await action;
    return true;
  } catch (error) {
    if (error instanceof Problem && CHANGED.includes(error.status)) return false;
    throw error;
  }
}
