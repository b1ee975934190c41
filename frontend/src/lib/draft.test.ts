import { beforeEach, describe, expect, it, vi } from 'vitest';
import * as api from './api';
import { draftOrderOf, PAGE_CLOSES, paintDraft } from './draft';
import { job, PATIENCE } from './fixtures';
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
