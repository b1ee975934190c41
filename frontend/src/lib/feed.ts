/** Feed of a job: the updates that one tab receives. */

import { getJob, Problem } from './api';
import { basePath } from './base';
import { isActive } from './job';
import { JobStream, type Connection, type FeedHandlers, type Line } from './stream';
import type { News, Request } from './stream-hub';
import workerUrl from './stream.worker?worker&url';

const POLL_MS = 15_000;
/** Time in which a shared worker answers. Browsers do not always report that it cannot be loaded. */
const ANSWER_MS = 10_000;

/**
 * Feed of one job for one tab. A browser opens six connections to an HTTP/1.1 server for all of its tabs together, and
 * an event stream occupies one. All tabs therefore share the stream of a job, and a hidden tab does not use it: it
 * polls the job for its title and its notification.
 */
export class JobFeed {
  #line: Line | undefined;
  #pollTimer: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  constructor(
    readonly id: string,
    readonly handlers: FeedHandlers,
  ) {
    addEventListener('online', this.#wake);
    document.addEventListener('visibilitychange', this.#look);
    handlers.onConnection('connecting');
    this.#look();
    if (document.hidden) void this.#ask();
  }

  close(): void {
    this.#closed = true;
    this.#disconnect();
    removeEventListener('online', this.#wake);
    document.removeEventListener('visibilitychange', this.#look);
  }

  #look = (): void => {
    this.#disconnect();
    if (document.hidden) this.#pollTimer = setInterval(() => void this.#ask(), POLL_MS);
    else this.#connect();
  };

  #connect(): void {
    const handlers: FeedHandlers = { onJob: this.handlers.onJob, onConnection: this.#hear };
    const alone = () => {
      this.#line?.close();
      this.#line = new JobStream(this.id, handlers);
    };
    try {
      this.#line = new WorkerLine(this.id, handlers, alone);
    } catch {
      alone();
    }
  }

  #disconnect(): void {
    clearInterval(this.#pollTimer);
    this.#line?.close();
    this.#line = undefined;
  }

  #hear = (connection: Connection): void => {
    if (connection === 'ended' || connection === 'gone') this.close();
    this.handlers.onConnection(connection);
  };

  async #ask(): Promise<void> {
    try {
      const job = await getJob(this.id);
      if (this.#closed || !document.hidden) return;
      this.handlers.onJob(job);
      if (!isActive(job)) this.#hear('ended');
    } catch (error) {
      if (!this.#closed && error instanceof Problem && error.status === 404) this.#hear('gone');
    }
  }

  #wake = (): void => {
    this.#line?.wake();
  };
}

/** Connection to the event stream that all tabs share. */
class WorkerLine implements Line {
  #worker: SharedWorker;
  #answerTimer: ReturnType<typeof setTimeout>;

  /**
   * Connects to the shared worker. `onFailure` is called if the worker cannot be loaded; no updates arrive then.
   * Throws if the browser has no shared workers or does not allow them.
   */
  constructor(id: string, { onJob, onConnection }: FeedHandlers, onFailure: () => void) {
    this.#worker = new SharedWorker(workerUrl, { type: 'module', name: basePath() });
    this.#worker.onerror = onFailure;
    this.#answerTimer = setTimeout(onFailure, ANSWER_MS);
    this.#worker.port.onmessage = ({ data }: MessageEvent<News>) => {
      clearTimeout(this.#answerTimer);
      if ('job' in data) onJob(data.job);
      else onConnection(data.connection);
    };
    this.#say({ follow: id });
  }

  wake(): void {
    this.#say('wake');
  }

  close(): void {
    clearTimeout(this.#answerTimer);
    this.#worker.onerror = this.#worker.port.onmessage = null;
    this.#say('close');
  }

  #say(request: Request): void {
    this.#worker.port.postMessage(request);
  }
}
