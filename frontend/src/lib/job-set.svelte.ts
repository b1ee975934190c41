/** Jobs of one address, such as a set or variations, fetched again until all of them have ended. */

import { getJob, listUnfinished, Problem } from './api';
import { isActive } from './job';
import type { Job } from './types';

const POLL_MS = 2000;
const MAX_POLL_MS = 60_000;

export class JobSet {
  /** Jobs in the order of their ids, without those that are deleted. */
  jobs = $state.raw<Job[]>([]);
  problem = $state<Problem | null>(null);

  #wait = POLL_MS;
  #deleted: string[] = [];

  constructor(readonly ids: string[]) {}

  /** Fetches the jobs until all have ended or the returned function is called. */
  follow(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isClosed = false;
    const poll = async () => {
      if (!document.hidden) await this.look();
      const isOver = !this.problem && this.jobs.length > 0 && !this.jobs.some(isActive);
      if (!isClosed && !isOver) timer = setTimeout(() => void poll(), this.#wait);
    };
    void poll();
    return () => {
      isClosed = true;
      clearTimeout(timer);
    };
  }

  /** Fetches the jobs, except those known to have ended; after an error the next poll is later. */
  async look(): Promise<void> {
    try {
      this.jobs = await this.#fetch();
      if (this.jobs.length === 0) throw new Problem('job_not_found');
      this.problem = null;
      this.#wait = POLL_MS;
    } catch (error) {
      this.problem = Problem.from(error);
      this.#wait = Math.min(MAX_POLL_MS, Math.max(2 * this.#wait, 1000 * (this.problem.retryAfterSeconds ?? 0)));
    }
  }

  /** Fetches the unfinished jobs with two requests, and one by one only those that are not among them. */
  async #fetch(): Promise<Job[]> {
    const unfinished = await listUnfinished();
    const ended = this.jobs.filter((job) => !isActive(job));
    const known = [...unfinished, ...ended];
    const ids = this.ids.filter((id) => !this.#deleted.includes(id));
    const jobs = await Promise.all(ids.map((id) => known.find((job) => job.id === id) ?? this.#find(id)));
    return jobs.filter((job) => job !== null);
  }

  /** Fetches one job; null if it is deleted. */
  async #find(id: string): Promise<Job | null> {
    try {
      return await getJob(id);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) throw error;
      this.#deleted.push(id);
      return null;
    }
  }
}
