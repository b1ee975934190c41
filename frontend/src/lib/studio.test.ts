import { beforeEach, describe, expect, it, vi } from 'vitest';
import * as api from './api';
import { DOCUMENT, job } from './fixtures';
import { LEARNED_FORMAT } from './learned.svelte';
import { notices } from './notices.svelte';
import { studio } from './studio.svelte';
import type { Picture, Source } from './submission';

const picture = (source: Source, name: string): Picture => ({ source, name, url: null, size: null, format: null, bytes: null });
const sample = (name: string) => picture({ kind: 'sample', name, address: `/${name}` }, name);
const learned = () => ({ ...picture({ kind: 'learned', id: 'l', address: '/l' }, 'waves'), format: LEARNED_FORMAT });
const names = () => studio.styles.map((style) => style.picture.name);

beforeEach(() => {
  studio.document = DOCUMENT;
  studio.content = sample('cat');
  studio.more = [];
  studio.styles = [];
  studio.changes = {};
  notices.list = [];
});

describe('placing a style of unknown role', () => {
  it('replaces a learned style', () => {
    studio.place(learned(), 'style');
    studio.place(sample('impasto'), null);
    expect(names()).toEqual(['impasto']);
    expect(notices.list).toEqual([]);
  });

  it('takes the place of a missing photo, and then the learned style stays', () => {
    studio.content = null;
    studio.place(learned(), 'style');
    studio.place(sample('coffee'), null);
    expect(studio.content).toMatchObject({ name: 'coffee' });
    expect(names()).toEqual(['waves']);
  });
});

describe('a set', () => {
  beforeEach(() => {
    studio.more = [sample('coffee')];
    studio.place(sample('impasto'), 'style');
  });

  it('says that it was stopped by the visitor', async () => {
    const stop = new AbortController();
    vi.spyOn(api, 'submitJob').mockImplementationOnce(() => {
      stop.abort();
      return Promise.resolve(job());
    });
    expect(await studio.startSet(() => undefined, stop.signal)).toHaveLength(1);
    expect(notices.list.map(({ text }) => text)).toEqual(['You stopped after 1 of 2 paintings; these have been started.']);
  });

  it('says why there are no more, without words of the server, too', async () => {
    vi.spyOn(api, 'submitJob').mockResolvedValueOnce(job()).mockRejectedValueOnce(new api.Problem('offline'));
    await studio.startSet(() => undefined, new AbortController().signal);
    expect(notices.list[0]?.text).toContain('The server cannot be reached.');
  });
});

it('stops while an image of the server is fetched for the submission', async () => {
  const stop = new AbortController();
  studio.styles = [];
  studio.place(sample('impasto'), 'style');
  studio.place(picture({ kind: 'file', file: new File(['bytes'], 'own.png') }, 'own.png'), 'style');
  vi.stubGlobal('fetch', (_: string, { signal }: RequestInit) => {
    stop.abort();
    return Promise.reject(signal?.reason as Error);
  });
  const submit = vi.spyOn(api, 'submitJob').mockReset();
  await expect(studio.start(() => undefined, stop.signal)).rejects.toMatchObject({ code: 'upload_stopped' });
  expect(submit).not.toHaveBeenCalled();
});
