import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as api from './api';
import { job, PATIENCE, Stream } from './fixtures';
import { History } from './history.svelte';

/** Ids of the jobs on the server, newest first. */
let ids: string[];

beforeEach(() => {
  ids = Array.from({ length: 60 }, (_, index) => String(100 - index));
  vi.spyOn(api, 'listJobs').mockImplementation(({ limit = 24, before } = {}) => {
    // As on the server, nothing comes after a job that is deleted.
    const from = before === undefined ? 0 : ids.indexOf(before) + 1 || ids.length;
    const page = ids.slice(from, from + limit);
    const next = ids.length > from + limit ? (page.at(-1) ?? null) : null;
    return Promise.resolve({ jobs: page.map((id) => job({ id, status: 'succeeded' })), next });
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

async function remove(list: History, id: string): Promise<void> {
  const found = list.jobs.find((one) => one.id === id);
  ids = ids.filter((one) => one !== id);
  if (found) list.drop(found);
  await vi.waitUntil(() => !list.loading, PATIENCE);
}

const shown = (list: History) => list.jobs.map(({ id }) => id);

describe('History', () => {
  it('goes on after the last job that is shown, also if the one before it was deleted', async () => {
    const list = new History();
    await list.load(undefined);
    await remove(list, shown(list).at(-1) as string);
    await list.more();
    await list.more();
    expect(shown(list)).toEqual(ids);
    expect(list.next).toBeNull();
  });

  it('keeps its length when it is loaded again', async () => {
    const list = new History();
    await list.load(undefined);
    await list.more();
    await list.reload();
    expect(shown(list)).toEqual(ids.slice(0, 48));
    await list.more();
    expect(shown(list)).toEqual(ids);
  });

  it('loads more than one response of the server has', async () => {
    ids = Array.from({ length: 150 }, (_, index) => String(500 - index));
    const list = new History();
    await list.load(undefined);
    while (list.next) await list.more();
    await list.reload();
    expect(shown(list)).toEqual(ids);
  });

  it('shows older jobs if all that are shown were deleted', async () => {
    const list = new History();
    await list.load(undefined);
    for (const id of shown(list)) await remove(list, id);
    expect(shown(list)).toEqual(ids.slice(0, 24));
  });

  it('is loaded again if the job that it follows no longer exists', async () => {
    vi.stubGlobal('EventSource', Stream);
    const list = new History();
    await list.load(undefined);
    const [first] = ids as [string];
    vi.spyOn(api, 'getJob').mockRejectedValue(new api.Problem('job_not_found', '', 404));
    const leave = list.follow(first);
    ids.shift();
    Stream.last.fail(Stream.CLOSED);
    await vi.waitFor(() => {
      expect(shown(list)).not.toContain(first);
    }, PATIENCE);
    leave();
  });
});
