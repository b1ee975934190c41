import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as api from './api';
import { job, PATIENCE, Stream } from './fixtures';
import { History } from './history.svelte';
import type { JobPage, Status } from './types';

/** Ids of the jobs on the server, newest first. */
let ids: string[];
/** Status of all of them. */
let status: Status;

const idsFrom = (newest: number, count: number) =>
  Array.from({ length: count }, (_, index) => String(newest - index).padStart(32, '0'));

/** Position of a job in the list, as the server writes it in `next`: the time in seconds, and the id. */
const position = (id: string) => `${1_785_000_000 + Number(id)}.25-${id}`;

/** Returns the jobs after a position, which the job at that position may have left. */
async function listJobs({ status: asked = status, limit = 24, before }: api.JobsQuery = {}): Promise<JobPage> {
  const [, after] = /^\d{1,15}\.\d{1,15}-([0-9a-f]{32})$/.exec(before ?? '') ?? [];
  if (before !== undefined && after === undefined) throw new api.Problem('invalid_option', '', 422, 'before');
  const found = ids.filter((id) => asked === status && (after === undefined || id < after));
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const next = last !== undefined && found.length > limit ? position(last) : null;
  return Promise.resolve({ jobs: page.map((id) => job({ id, status })), next });
}

beforeEach(() => {
  ids = idsFrom(100, 60);
  status = 'succeeded';
  vi.spyOn(api, 'listJobs').mockImplementation(listJobs);
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
    ids = idsFrom(500, 150);
    const list = new History();
    await list.load(undefined);
    while (list.next && !list.problem) await list.more();
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

  describe('acts on all jobs', () => {
    /** Lets the server refuse one job, which is deleted or has ended since it was listed. */
    const refuses = (refused: string | undefined, code: string, status: number) => (id: string) =>
      id === refused ? Promise.reject(new api.Problem(code, '', status)) : Promise.resolve(job({ id }));

    it('deletes those that have ended, without one that is deleted already', async () => {
      const deleteJob = vi.spyOn(api, 'deleteJob').mockImplementation(async (id) => {
        await refuses(ids[1], 'job_not_found', 404)(id);
      });
      expect(await new History().clearEnded()).toBe(59);
      expect(deleteJob.mock.calls.map(([id]) => id)).toEqual(ids);
    });

    it.each([
      ['job_not_found', 404],
      ['job_conflict', 409],
    ])('cancels those that wait, without one that has changed: %s', async (code, refusal) => {
      status = 'queued';
      const cancelJob = vi.spyOn(api, 'cancelJob').mockImplementation(refuses(ids[1], code, refusal));
      expect(await new History().cancelWaiting()).toBe(59);
      expect(cancelJob.mock.calls.map(([id]) => id)).toEqual(ids);
    });

    it('ends with any other problem', async () => {
      status = 'queued';
      vi.spyOn(api, 'cancelJob').mockImplementation(refuses(ids[1], 'offline', 0));
      await expect(new History().cancelWaiting()).rejects.toMatchObject({ code: 'offline' });
    });
  });
});
