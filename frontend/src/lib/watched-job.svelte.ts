/** Job as its page shows it: the latest event, and the time since then. */

import { cancelJob } from './api';
import { complain } from './complain';
import { JobFeed } from './feed';
import { isActive } from './job';
import { loadLosses, saveLosses, withPoint, type LossPoint } from './losses';
import type { Connection } from './stream';
import type { Job } from './types';

export class WatchedJob {
  job = $state.raw<Job | null>(null);
  connection = $state<Connection>('connecting');
  losses = $state.raw<LossPoint[]>([]);
  /** Current time in milliseconds, updated every second while the job is active and the server answers. */
  now = $state(Date.now());

  #receivedAt = $state(Date.now());

  readonly active = $derived(this.job !== null && isActive(this.job));
  readonly #sinceProgress = $derived(Math.max(0, (this.now - this.#receivedAt) / 1000));
  readonly elapsed = $derived((this.job?.progress?.elapsed_seconds ?? 0) + this.#sinceProgress);
  readonly remaining = $derived.by(() => {
    const seconds = this.job?.progress?.remaining_seconds;
    return seconds === null || seconds === undefined ? null : Math.max(0, seconds - this.#sinceProgress);
  });
  readonly waited = $derived(this.job ? Math.max(0, (this.now - Date.parse(this.job.created_at)) / 1000) : 0);

  #feed: JobFeed | undefined;
  #timer: ReturnType<typeof setInterval>;

  /** `onEnd` is called when a job ends that was seen running or queued. */
  constructor(
    readonly id: string,
    readonly onEnd: (job: Job) => void,
  ) {
    this.losses = loadLosses(id);
    this.#timer = setInterval(() => {
      // While the server does not answer, it is unknown whether the job is still running.
      if (this.active && this.connection !== 'reconnecting') this.now = Date.now();
    }, 1000);
    this.follow();
  }

  close(): void {
    this.#feed?.close();
    clearInterval(this.#timer);
  }

  /** Follows the job from now on; called again after the job was restarted. */
  follow(): void {
    this.#feed?.close();
    this.#feed = new JobFeed(this.id, {
      onJob: (job) => {
        this.take(job);
      },
      onConnection: (connection) => (this.connection = connection),
    });
  }

  take(job: Job): void {
    const wasActive = this.active;
    this.job = job;
    this.#receivedAt = this.now = Date.now();
    this.#keepLosses(job);
    if (wasActive && !this.active) this.onEnd(job);
  }

  #keepLosses({ progress }: Job): void {
    if (!progress?.losses) return;
    this.losses = withPoint(this.losses, { step: progress.step, ...progress.losses });
    saveLosses(this.id, this.losses);
  }

  /** Runs an action on the job and returns whether it succeeded; a notice shows an error. */
  async act(action: (id: string) => Promise<Job>): Promise<boolean> {
    try {
      this.take(await action(this.id));
      return true;
    } catch (error) {
      complain(error);
      return false;
    }
  }

  /** Stops the job; a notice shows an error. */
  async cancel(): Promise<void> {
    try {
      const job = await cancelJob(this.id);
      // The end of the job may have arrived before the response, which is older.
      if (this.active) this.take(job);
    } catch (error) {
      complain(error);
    }
  }
}
