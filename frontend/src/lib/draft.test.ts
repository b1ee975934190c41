import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as api from './api';
import { draftOrderOf, PAGE_CLOSES, paintDraft } from './draft';
import { job, PATIENCE } from './fixtures';
import * as pixels from './pixels';
import type { Order } from './submission';

const sample = (name: string) => ({
  source: { kind: 'sample' as const, name, address: `/${name}` },
  name,
  url: `/${name}`,
  size: null,
  format: null,
  bytes: null,
});

const order: Order = {
  content: sample('cat'),
  styles: [{ id: 1, picture: sample('impasto'), blend: 50, mask: null }],
  detailMap: { file: new Blob(['white']), url: 'blob:map' },
  preset: 'quality',
  changes: { strength: 0.8 },
};

const finished = job({ id: '7', status: 'succeeded', links: { ...job().links, result: '/result' } });

describe('the order of a draft', () => {
  it('has what a draft obeys, at a size that is soon painted', () => {
    const options = { size: 2048, color: 'luminance', color_amount: 0.5, strength: 0.8, protect: 'faces' };
    expect(draftOrderOf(order, options)).toMatchObject({
      content: order.content,
      detailMap: null,
      preset: 'draft',
      changes: { size: 512, color: 'luminance', color_amount: 0.5 },
    });
    expect(draftOrderOf(order, { size: 128 }).changes).toEqual({ size: 128 });
  });
});

describe('a draft', () => {
  const picture = new Blob(['pixels']);

  beforeEach(() => {
    vi.spyOn(api, 'deleteJob').mockResolvedValue();
    vi.spyOn(api, 'download').mockResolvedValue(picture);
  });

  it('is waited for, fetched, and leaves no job', async () => {
    vi.spyOn(api, 'submitJob').mockResolvedValue(job({ id: '7', status: 'queued' }));
    vi.spyOn(api, 'getJob').mockResolvedValueOnce(job({ id: '7' })).mockResolvedValueOnce(finished);
    expect(await paintDraft(order, new AbortController().signal)).toBe(picture);
    expect(api.deleteJob).toHaveBeenCalledExactlyOnceWith('7');
  });

  it('leaves no job either when it is not wanted any more', async () => {
    const stop = new AbortController();
    vi.spyOn(api, 'submitJob').mockImplementation(() => {
      stop.abort();
      return Promise.resolve(job({ id: '7', status: 'queued' }));
    });
    vi.spyOn(api, 'getJob').mockResolvedValue(job({ id: '7', status: 'queued' }));
    const cancel = vi.spyOn(api, 'cancelJob').mockResolvedValue(job({ id: '7', status: 'canceled' }));
    await expect(paintDraft(order, stop.signal)).rejects.toThrow();
    await vi.waitFor(() => {
      expect(api.deleteJob).toHaveBeenCalledExactlyOnceWith('7');
    }, PATIENCE);
    expect(cancel).toHaveBeenCalledOnce();
  });

  it('is deleted at once when the page is closed', async () => {
    const stop = new AbortController();
    vi.spyOn(api, 'submitJob').mockImplementation(() => {
      stop.abort(PAGE_CLOSES);
      return Promise.resolve(job({ id: '7', status: 'running' }));
    });
    await expect(paintDraft(order, stop.signal)).rejects.toBe(PAGE_CLOSES);
    expect(api.deleteJob).toHaveBeenCalledExactlyOnceWith('7');
  });

  it('lets a job come to its end that is being painted', async () => {
    const stop = new AbortController();
    vi.spyOn(api, 'submitJob').mockImplementation(() => {
      stop.abort();
      return Promise.resolve(job({ id: '7', status: 'running' }));
    });
    const get = vi.spyOn(api, 'getJob').mockResolvedValueOnce(job({ id: '7' })).mockResolvedValueOnce(finished);
    await expect(paintDraft(order, stop.signal)).rejects.toThrow();
    expect(api.deleteJob).not.toHaveBeenCalled();
    await vi.waitFor(() => {
      expect(api.deleteJob).toHaveBeenCalledExactlyOnceWith('7');
    }, PATIENCE);
    expect(get).toHaveBeenCalledTimes(2);
  });

  it('says why there is none', async () => {
    const failed = job({ id: '7', status: 'failed', error: { code: 'draft_unavailable', message: 'no network' } });
    vi.spyOn(api, 'submitJob').mockResolvedValue(failed);
    await expect(paintDraft(order, new AbortController().signal)).rejects.toMatchObject({ code: 'draft_unavailable' });
  });
});

describe('the job of a draft', () => {
  const busy = new api.Problem('too_many_requests', '', 429, null, 7);

  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(api, 'deleteJob').mockResolvedValue();
    vi.spyOn(api, 'download').mockResolvedValue(new Blob(['pixels']));
    vi.spyOn(api, 'submitJob').mockResolvedValue(job({ id: '7', status: 'queued' }));
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('is asked for less and less often', async () => {
    const times: number[] = [];
    vi.spyOn(api, 'getJob').mockImplementation(() => {
      times.push(Date.now());
      return Promise.resolve(job({ id: '7', status: 'queued' }));
    });
    const stop = new AbortController();
    const over = paintDraft(order, stop.signal).catch(() => undefined);
    await vi.advanceTimersByTimeAsync(60_000);
    stop.abort(PAGE_CLOSES);
    await over;
    expect(times.length).toBeLessThan(25);
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? NaN));
    const growing = pauses.slice(0, 10);
    expect(growing).toHaveLength(10);
    expect(new Set(growing).size).toBe(10);
    expect(pauses).toEqual(pauses.toSorted((one, other) => one - other));
  });

  it('is asked for again after the time that a busy server names', async () => {
    const get = vi.spyOn(api, 'getJob').mockRejectedValueOnce(busy).mockResolvedValue(finished);
    const painted = paintDraft(order, new AbortController().signal);
    await vi.advanceTimersByTimeAsync(7000);
    expect(get).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(1000);
    expect((await painted).size).toBe(6);
  });

  it('is deleted also if the server is not reached at first', async () => {
    const lost = new api.Problem('offline');
    vi.spyOn(api, 'getJob').mockRejectedValueOnce(lost).mockResolvedValue(job({ id: '7', status: 'queued' }));
    vi.spyOn(api, 'cancelJob').mockRejectedValueOnce(lost).mockResolvedValue(job({ id: '7', status: 'canceled' }));
    vi.spyOn(api, 'deleteJob').mockRejectedValueOnce(lost).mockResolvedValue();
    await stopAfterSubmitting();
    expect(api.deleteJob).toHaveBeenCalledTimes(2);
  });

  it('is deleted also if it ends before it can be canceled', async () => {
    vi.spyOn(api, 'getJob').mockResolvedValueOnce(job({ id: '7', status: 'queued' })).mockResolvedValue(finished);
    vi.spyOn(api, 'cancelJob').mockRejectedValue(new api.Problem('conflict', '', 409));
    await stopAfterSubmitting();
    expect(api.deleteJob).toHaveBeenCalledExactlyOnceWith('7');
  });
});

/** Stops a draft whose job has just been created, and waits until what follows is over. */
async function stopAfterSubmitting(): Promise<void> {
  const stop = new AbortController();
  const over = paintDraft(order, stop.signal).catch(() => undefined);
  await vi.advanceTimersByTimeAsync(0);
  stop.abort();
  await over;
  await vi.advanceTimersByTimeAsync(5000);
}

describe('the images of a draft', () => {
  it('are made small one after the other, and once', async () => {
    const ofFile = (name: string) => ({ ...sample(name), source: { kind: 'file' as const, file: new File([name], name) } });
    const styles = ['a', 'b'].map((name, id) => ({ id, picture: ofFile(name), blend: 50, mask: null }));
    let decoded = 0;
    const smaller = vi.spyOn(pixels, 'smaller').mockImplementation(async (file) => {
      expect(++decoded).toBe(1);
      await Promise.resolve();
      decoded -= 1;
      return file;
    });
    vi.spyOn(api, 'submitJob').mockResolvedValue(finished);
    vi.spyOn(api, 'deleteJob').mockResolvedValue();
    vi.spyOn(api, 'download').mockResolvedValue(new Blob());
    const mine = { ...order, content: ofFile('photo'), styles };
    for (let draft = 0; draft < 2; draft += 1) await paintDraft(mine, new AbortController().signal);
    expect(smaller).toHaveBeenCalledTimes(3);
  });
});
