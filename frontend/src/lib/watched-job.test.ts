import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import * as api from './api';
import { job, Stream } from './fixtures';
import { notices } from './notices.svelte';
import type { Job } from './types';
import { WatchedJob } from './watched-job.svelte';

let watched: WatchedJob;
let ended: Job['status'][];

beforeEach(() => {
  vi.stubGlobal('EventSource', Stream);
  notices.list = [];
  ended = [];
  watched = new WatchedJob('1', ({ status }) => ended.push(status));
  Stream.last.open();
  Stream.last.send('snapshot', job());
});

afterEach(() => {
  watched.close();
  vi.unstubAllGlobals();
});

it('is being stopped after the server has taken the request', async () => {
  vi.spyOn(api, 'cancelJob').mockResolvedValue(job({ cancel_requested: true }));
  await watched.cancel();
  expect(watched.job).toMatchObject({ status: 'running', cancel_requested: true });
});

it('stays stopped if the response arrives after the end', async () => {
  let answer: (job: Job) => void = () => undefined;
  vi.spyOn(api, 'cancelJob').mockReturnValue(new Promise((resolve) => (answer = resolve)));
  const canceled = watched.cancel();
  Stream.last.send('end', job({ status: 'canceled' }));
  answer(job({ cancel_requested: true }));
  await canceled;
  expect(watched.job).toMatchObject({ status: 'canceled' });
  expect(ended).toEqual(['canceled']);
});

it('says why it cannot be stopped', async () => {
  vi.spyOn(api, 'cancelJob').mockRejectedValue(new api.Problem('offline'));
  await watched.cancel();
  expect(notices.list[0]?.text).toContain('The server cannot be reached.');
});
