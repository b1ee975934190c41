/** Hub that opens one event stream for each job, however many tabs of the browser follow it. */

import { JobStream, type Connection } from './stream';
import type { Job } from './types';

/** Message from a tab. Each port follows one job. */
export type Request = { follow: string } | 'wake' | 'close';

/** Message to a tab: an update of the job or of the connection. */
export type News = { job: Job } | { connection: Connection };

export type Port = Pick<MessagePort, 'postMessage' | 'onmessage' | 'close'>;

export class StreamHub {
  #streams = new Map<string, SharedStream>();

  connect(port: Port): void {
    let stream: SharedStream | undefined;
    port.onmessage = ({ data }: MessageEvent<Request>) => {
      if (data === 'wake') stream?.wake();
      else if (data === 'close') this.#leave(port, stream);
      else (stream = this.#streamOf(data.follow)).add(port);
    };
  }

  #streamOf(id: string): SharedStream {
    const known = this.#streams.get(id);
    if (known && !known.hasEnded) return known;
    const stream = new SharedStream(id);
    this.#streams.set(id, stream);
    return stream;
  }

  #leave(port: Port, stream: SharedStream | undefined): void {
    port.close();
    if (!stream?.remove(port)) return;
    stream.close();
    if (this.#streams.get(stream.id) === stream) this.#streams.delete(stream.id);
  }
}

class SharedStream {
  #ports = new Set<Port>();
  #stream: JobStream;
  #job: Job | undefined;
  #connection: Connection = 'connecting';

  constructor(readonly id: string) {
    this.#stream = new JobStream(id, {
      onJob: (job) => {
        this.#job = job;
        this.#tell({ job });
      },
      onConnection: (connection) => {
        if (connection !== this.#connection) this.#tell({ connection });
        this.#connection = connection;
      },
    });
  }

  get hasEnded(): boolean {
    return this.#connection === 'ended' || this.#connection === 'gone';
  }

  /** Adds a tab and sends it the latest state at once. */
  add(port: Port): void {
    this.#ports.add(port);
    port.postMessage({ connection: this.#connection } satisfies News);
    if (this.#job) port.postMessage({ job: this.#job } satisfies News);
  }

  /** Removes a tab and returns whether it was the last one. */
  remove(port: Port): boolean {
    this.#ports.delete(port);
    return this.#ports.size === 0;
  }

  wake(): void {
    this.#stream.wake();
  }

  close(): void {
    this.#stream.close();
  }

  #tell(news: News): void {
    for (const port of this.#ports) port.postMessage(news);
  }
}
