import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { JobStream, type Connection } from './stream';
import { job, Stream } from './fixtures';
import type { Job } from './types';

let jobs: Job[];
let connections: Connection[];
let answer: () => Promise<Response>;
let stream: JobStream;

beforeEach(() => {
  vi.useFakeTimers();
  Stream.all = [];
  jobs = [];
  connections = [];
  answer = () => Promise.resolve(Response.json(job()));
  vi.stubGlobal('EventSource', Stream);
  vi.stubGlobal('fetch', () => answer());
  stream = new JobStream('1', { onJob: (one) => jobs.push(one), onConnection: (state) => connections.push(state) });
});

afterEach(() => {
  stream.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const connection = () => connections.at(-1);

describe('JobStream', () => {
  it('hands over every job and stops after the end', () => {
    Stream.last.open();
    Stream.last.send('snapshot', job({ status: 'queued' }));
    Stream.last.send('progress', job());
    expect(jobs.map(({ status }) => status)).toEqual(['queued', 'running']);
    expect(connection()).toBe('live');

    Stream.last.send('end', job({ status: 'succeeded' }));
    expect(jobs.at(-1)?.status).toBe('succeeded');
    expect(connection()).toBe('ended');
    expect(Stream.last.readyState).toBe(Stream.CLOSED);
    vi.advanceTimersByTime(60_000);
    expect(Stream.all).toHaveLength(1);
  });

  it('says nothing about a short gap, which the browser mends', () => {
    Stream.last.open();
    Stream.last.fail(Stream.CONNECTING);
    vi.advanceTimersByTime(2000);
    Stream.last.open();
    vi.advanceTimersByTime(10_000);
    expect(connections).not.toContain('reconnecting');
    expect(Stream.all).toHaveLength(1);
  });

  it('says so when a gap lasts, and when it is over', () => {
    Stream.last.open();
    Stream.last.fail(Stream.CONNECTING);
    vi.advanceTimersByTime(3500);
    expect(connection()).toBe('reconnecting');
    Stream.last.open();
    expect(connection()).toBe('live');
  });

  it('comes back by itself where the browser gives up, waiting longer each time', async () => {
    answer = () => Promise.reject(new TypeError('no network'));
    for (const wait of [1000, 2000, 4000, 8000, 15_000, 15_000]) {
      const before = Stream.all.length;
      Stream.last.fail(Stream.CLOSED);
      await vi.advanceTimersByTimeAsync(wait - 1);
      expect(Stream.all).toHaveLength(before);
      await vi.advanceTimersByTimeAsync(1);
      expect(Stream.all).toHaveLength(before + 1);
    }
    Stream.last.open();
    expect(connection()).toBe('live');
  });

  it('gives up on a job that is gone', async () => {
    answer = () => Promise.resolve(Response.json({ code: 'job_not_found' }, { status: 404 }));
    Stream.last.fail(Stream.CLOSED);
    await vi.advanceTimersByTimeAsync(1000);
    expect(connection()).toBe('gone');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(Stream.all).toHaveLength(1);
  });

  it('hands over the job also while the stream is refused', async () => {
    Stream.last.fail(Stream.CLOSED);
    await vi.advanceTimersByTimeAsync(1000);
    expect(jobs).toHaveLength(1);
    answer = () => Promise.resolve(Response.json(job({ status: 'succeeded' })));
    Stream.last.fail(Stream.CLOSED);
    await vi.advanceTimersByTimeAsync(2000);
    expect(jobs.at(-1)?.status).toBe('succeeded');
    expect(connection()).toBe('ended');
    expect(Stream.all).toHaveLength(2);
  });

  it('tries at once when the network is back', () => {
    Stream.last.fail(Stream.CLOSED);
    stream.wake();
    expect(Stream.all).toHaveLength(2);
    Stream.last.open();
    stream.wake();
    expect(Stream.all).toHaveLength(2);
  });

  it('does nothing any more after it was closed', async () => {
    Stream.last.fail(Stream.CLOSED);
    stream.close();
    await vi.advanceTimersByTimeAsync(60_000);
    stream.wake();
    expect(Stream.all).toHaveLength(1);
  });
});
