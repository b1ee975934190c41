/**
 * Event stream of a job, which reconnects after every interruption. This module also runs in a worker, where there is
 * no document.
 */

import { eventsPath, getJob, Problem } from './api';
import { isActive } from './job';
import type { Job } from './types';

export type Connection = 'connecting' | 'live' | 'reconnecting' | 'ended' | 'gone';

/** Source of updates of a job. */
export interface Line {
  /** Reconnects at once, without waiting any longer: the network is back. */
  wake(): void;
  close(): void;
}

export interface FeedHandlers {
  onJob: (job: Job) => void;
  onConnection: (connection: Connection) => void;
}

const PATIENCE_MS = 3000;
const LONGEST_WAIT_MS = 15_000;

/**
 * Event stream with retries. Browsers reconnect by themselves after a broken connection, but not after a response that
 * is no stream (a restarting server, a proxy), and give up on some errors; then this class reconnects. The server
 * closes long streams now and then, so a gap is only reported if it lasts.
 */
export class JobStream implements Line {
  #source: EventSource | undefined;
  #failures = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #patienceTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(
    readonly id: string,
    readonly handlers: FeedHandlers,
  ) {
    handlers.onConnection('connecting');
    this.#open();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#patienceTimer);
    this.#source?.close();
  }

  wake(): void {
    if (this.#source?.readyState !== EventSource.OPEN && !this.#closed) this.#open();
  }

  #open(): void {
    clearTimeout(this.#retryTimer);
    this.#source?.close();
    const source = new EventSource(eventsPath(this.id));
    source.onopen = () => {
      this.#live();
    };
    source.onerror = () => {
      this.#broken(source);
    };
    for (const name of ['snapshot', 'progress', 'end']) {
      source.addEventListener(name, (event: MessageEvent<string>) => {
        this.#receive(name, event.data);
      });
    }
    this.#source = source;
  }

  #receive(name: string, data: string): void {
    this.#live();
    this.handlers.onJob(JSON.parse(data) as Job);
    if (name === 'end') this.#finish('ended');
  }

  #live(): void {
    clearTimeout(this.#patienceTimer);
    this.#patienceTimer = undefined;
    this.#failures = 0;
    this.handlers.onConnection('live');
  }

  #broken(source: EventSource): void {
    if (this.#closed) return;
    this.#patienceTimer ??= setTimeout(() => {
      this.handlers.onConnection('reconnecting');
    }, PATIENCE_MS);
    if (source.readyState !== EventSource.CLOSED) return;
    const wait = Math.min(1000 * 2 ** this.#failures, LONGEST_WAIT_MS);
    this.#failures += 1;
    this.#retryTimer = setTimeout(() => void this.#ask(), wait);
  }

  /**
   * Fetches the job before a retry: a refused event stream gives no reason, but the response for the job does. The job
   * is also handed over, since the stream may be refused for long.
   */
  async #ask(): Promise<void> {
    try {
      this.#take(await getJob(this.id));
    } catch (error) {
      if (error instanceof Problem && error.status === 404) {
        this.#finish('gone');
        return;
      }
    }
    if (!this.#closed) this.#open();
  }

  #take(job: Job): void {
    if (this.#closed) return;
    this.handlers.onJob(job);
    if (!isActive(job)) this.#finish('ended');
  }

  #finish(connection: Connection): void {
    this.close();
    this.handlers.onConnection(connection);
  }
}
