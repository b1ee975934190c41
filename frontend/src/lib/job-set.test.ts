import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as api from './api';
import { job } from './fixtures';
import { JobSet } from './job-set.svelte';
import type { Job } from './types';

/** Jobs on the server, by their ids; null: deleted. */
let jobs: Record<string, Job | null>;
let requests: number;

const running = (id: string) => job({ id });
const done = (id: string) => job({ id, status: 'succeeded' });

beforeEach(() => {
  vi.useFakeTimers();
  requests = 0;
  vi.spyOn(api, 'listUnfinished').mockImplementation(() => {
    requests += 2;
    return Promise.resolve(Object.values(jobs).filter((one) => one?.status === 'running') as Job[]);
  });
  vi.spyOn(api, 'getJob').mockImplementation((id) => {
    requests += 1;
    const found = jobs[id];
    return found ? Promise.resolve(found) : Promise.reject(new api.Problem('job_not_found', '', 404));
  });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('JobSet', () => {
  it('takes two requests to poll twenty jobs, and one for each that has ended', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => String(index));
    jobs = Object.fromEntries(ids.map((id) => [id, running(id)]));
    const set = new JobSet(ids);
    await set.look();
    expect(requests).toBe(2);
    expect(set.jobs.map(({ id }) => id)).toEqual(ids);
    jobs['3'] = done('3');
    await set.look();
    await set.look();
    expect(requests).toBe(2 + 3 + 2);
    expect(set.jobs[3]?.status).toBe('succeeded');
  });

  it('shows the other jobs if one is deleted', async () => {
    jobs = { a: done('a'), b: null, c: running('c') };
    const set = new JobSet(['a', 'b', 'c']);
    await set.look();
    expect(set.problem).toBeNull();
    expect(set.jobs.map(({ id }) => id)).toEqual(['a', 'c']);
  });

  it('says so if all jobs are deleted', async () => {
    jobs = {};
    const set = new JobSet(['a']);
    await set.look();
    expect(set.problem?.code).toBe('job_not_found');
  });

  it('is polled on after an error, and until all jobs have ended', async () => {
    jobs = { a: running('a') };
    const list = vi.spyOn(api, 'listUnfinished').mockRejectedValueOnce(new api.Problem('too_many_requests', '', 429, null, 30));
    const set = new JobSet(['a']);
    const close = set.follow();
    await vi.advanceTimersByTimeAsync(29_000);
    expect(set.problem?.code).toBe('too_many_requests');
    expect(list).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(set.problem).toBeNull();
    jobs = { a: done('a') };
    await vi.advanceTimersByTimeAsync(60_000);
    expect(set.jobs[0]?.status).toBe('succeeded');
    expect(list).toHaveBeenCalledTimes(3);
    close();
  });
});
