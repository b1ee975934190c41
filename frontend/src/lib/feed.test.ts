import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { JobFeed } from './feed';
import { job, Stream } from './fixtures';
import type { Connection } from './stream';
import { StreamHub, type Port } from './stream-hub';
import type { Job } from './types';

/** One end of a message channel that delivers synchronously. */
class End implements Port {
  onmessage: Port['onmessage'] = null;
  other!: End;

  postMessage(data: unknown): void {
    this.other.onmessage?.call(this as unknown as MessagePort, new MessageEvent('message', { data }));
  }

  close(): void {
    this.onmessage = null;
  }
}

class Worker {
  static hub: StreamHub;
  static last: Worker;
  port = new End();
  onerror: (() => void) | null = null;

  constructor() {
    const far = new End();
    far.other = this.port;
    this.port.other = far;
    Worker.last = this;
    Worker.hub.connect(far);
  }
}

interface Tab {
  feed: JobFeed;
  jobs: Job[];
  connections: Connection[];
}

let tabs: Tab[];
let hidden: boolean;
let answer: () => Response;

beforeEach(() => {
  vi.useFakeTimers();
  Stream.all = [];
  Worker.hub = new StreamHub();
  tabs = [];
  hidden = false;
  answer = () => Response.json(job());
  vi.stubGlobal('EventSource', Stream);
  vi.stubGlobal('SharedWorker', Worker);
  vi.stubGlobal('fetch', () => Promise.resolve(answer()));
  vi.spyOn(document, 'hidden', 'get').mockImplementation(() => hidden);
});

afterEach(() => {
  for (const { feed } of tabs) feed.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function open(id = '1'): Tab {
  const [jobs, connections]: [Job[], Connection[]] = [[], []];
  const feed = new JobFeed(id, {
    onJob: (one) => jobs.push(one),
    onConnection: (connection) => connections.push(connection),
  });
  const tab = { feed, jobs, connections };
  tabs.push(tab);
  return tab;
}

function look(isHidden: boolean): void {
  hidden = isHidden;
  document.dispatchEvent(new Event('visibilitychange'));
}

const openStreams = () => Stream.all.filter(({ readyState }) => readyState !== Stream.CLOSED);

describe('JobFeed', () => {
  it('shares one stream of a job among eight tabs', () => {
    for (let count = 0; count < 8; count += 1) open();
    Stream.last.open();
    Stream.last.send('progress', job());
    expect(Stream.all).toHaveLength(1);
    for (const { jobs, connections } of tabs) {
      expect(jobs).toEqual([job()]);
      expect(connections.at(-1)).toBe('live');
    }
    for (const { feed } of tabs.slice(1)) feed.close();
    expect(openStreams()).toHaveLength(1);
    tabs[0]?.feed.close();
    expect(openStreams()).toHaveLength(0);
  });

  it('tells a later tab at once what is known', () => {
    open();
    Stream.last.open();
    Stream.last.send('snapshot', job({ title: 'cat in waves' }));
    const late = open();
    expect(late.jobs.map(({ title }) => title)).toEqual(['cat in waves']);
    expect(late.connections.at(-1)).toBe('live');
  });

  it('keeps the streams of two jobs apart', () => {
    const [first, second] = [open('1'), open('2')];
    expect(Stream.all.map(({ url }) => url)).toEqual(['/api/v1/jobs/1/events', '/api/v1/jobs/2/events']);
    Stream.last.send('snapshot', job({ id: '2' }));
    expect(first.jobs).toEqual([]);
    expect(second.jobs).toHaveLength(1);
  });

  it('tells all tabs of the end, and listens anew to a job that is started again', () => {
    open();
    open();
    Stream.last.send('end', job({ status: 'failed' }));
    expect(tabs.map(({ connections }) => connections.at(-1))).toEqual(['ended', 'ended']);
    const again = open();
    expect(Stream.all).toHaveLength(2);
    expect(again.jobs).toEqual([]);
    Stream.last.send('snapshot', job());
    expect(again.jobs).toHaveLength(1);
  });

  it('holds no stream while nobody looks', () => {
    open();
    Stream.last.open();
    look(true);
    expect(openStreams()).toHaveLength(0);
    look(false);
    expect(openStreams()).toHaveLength(1);
    Stream.last.send('snapshot', job());
    expect(tabs[0]?.jobs).toHaveLength(1);
  });

  it('asks now and then while nobody looks, until the end', async () => {
    hidden = true;
    const { jobs, connections } = open();
    await vi.advanceTimersByTimeAsync(0);
    expect(jobs).toHaveLength(1);
    answer = () => new Response('', { status: 503 });
    await vi.advanceTimersByTimeAsync(15_000);
    expect(jobs).toHaveLength(1);
    answer = () => Response.json(job({ status: 'succeeded' }));
    await vi.advanceTimersByTimeAsync(15_000);
    expect(jobs.at(-1)?.status).toBe('succeeded');
    expect(connections.at(-1)).toBe('ended');
    await vi.advanceTimersByTimeAsync(60_000);
    look(false);
    expect(jobs).toHaveLength(2);
    expect(Stream.all).toHaveLength(0);
  });

  it('finds out while nobody looks that a job is gone', async () => {
    const { connections } = open();
    look(true);
    answer = () => Response.json({ code: 'job_not_found' }, { status: 404 });
    await vi.advanceTimersByTimeAsync(15_000);
    expect(connections.at(-1)).toBe('gone');
  });

  it('tries at once when the network is back', () => {
    open();
    Stream.last.fail(Stream.CLOSED);
    dispatchEvent(new Event('online'));
    expect(Stream.all).toHaveLength(2);
  });

  it('has a stream of its own where there are no shared workers', () => {
    vi.stubGlobal('SharedWorker', undefined);
    const { jobs } = open();
    Stream.last.send('snapshot', job());
    expect(jobs).toHaveLength(1);
  });

  it('has a stream of its own where the worker cannot be loaded', () => {
    vi.spyOn(Worker.hub, 'connect').mockImplementation(() => undefined);
    const { jobs } = open();
    expect(Stream.all).toHaveLength(0);
    Worker.last.onerror?.();
    Stream.last.send('snapshot', job());
    expect(jobs).toHaveLength(1);
  });

  it('has a stream of its own where the worker never answers', () => {
    vi.spyOn(Worker.hub, 'connect').mockImplementation(() => undefined);
    const { jobs } = open();
    vi.advanceTimersByTime(10_000);
    Stream.last.send('snapshot', job());
    expect(jobs).toHaveLength(1);
  });

  it('keeps a worker that has answered', () => {
    open();
    vi.advanceTimersByTime(60_000);
    expect(Stream.all).toHaveLength(1);
  });
});
