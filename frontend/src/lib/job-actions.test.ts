import { beforeEach, describe, expect, it, vi } from 'vitest';
import * as api from './api';
import { DOCUMENT, job, PATIENCE } from './fixtures';
import { paintLarger, repaint } from './job-actions';
import { notices } from './notices.svelte';
import { go, here } from './router.svelte';
import type { Job, OptionsDocument } from './types';

const withSeeds = {
  ...DOCUMENT,
  needs: { ...DOCUMENT.needs, seed: [{ style_loss: ['neighbors'] }] },
};

beforeEach(() => {
  document.head.innerHTML = '<base href="/" />';
  vi.spyOn(api, 'getOptions').mockResolvedValue(withSeeds);
  notices.list = [];
});

it('paints again with a new seed, which the cache does not know', async () => {
  const submit = vi.spyOn(api, 'submitJob').mockResolvedValue(job({ id: '2', links: { ...job().links, page: '/jobs/2' } }));
  await repaint(job({ options: { ...job().options, style_loss: 'neighbors', seed: 0 } }));
  const form = submit.mock.calls[0]?.[0] as FormData;
  expect(form.get('content_from')).toBe('1');
  expect(Number(form.get('seed'))).toBeGreaterThan(0);
  expect(here.path).toBe('/jobs/2');
});

it('sends the same request again until the job is created', async () => {
  const created = job({ id: '2', links: { ...job().links, page: '/jobs/2' } });
  const submit = vi.spyOn(api, 'submitJob').mockReset();
  submit.mockRejectedValueOnce(new api.Problem('offline')).mockResolvedValue(created);
  const painted = job({ options: { ...job().options, style_loss: 'neighbors' } });
  for (let attempt = 0; attempt < 3; attempt++) await repaint(painted);
  const sent = submit.mock.calls.map(([form, key]) => ({ seed: form.get('seed'), key }));
  expect(sent[1]).toEqual(sent[0]);
  expect(sent[2]?.key).not.toBe(sent[1]?.key);
});

it('goes to the studio where a seed would change nothing', async () => {
  const submit = vi.spyOn(api, 'submitJob').mockReset();
  const say = vi.spyOn(notices, 'say');
  await repaint(job({ options: { ...job().options, style_loss: 'gram' } }));
  expect(submit).not.toHaveBeenCalled();
  expect(say).toHaveBeenCalledWith(expect.stringContaining('every painting is the same'));
  expect(here.path).toBe('/studio');
  expect(here.query.get('remix')).toBe('1');
});

describe('somebody who opens another page meanwhile', () => {
  const created = job({ id: '2', links: { ...job().links, page: '/jobs/2' } });

  beforeEach(async () => {
    await go('/jobs');
  });

  it.each([
    ['painting again', repaint],
    ['painting larger', paintLarger],
  ])('stays there, and a notice links to the job: %s', async (_, paint) => {
    let answer: (job: Job) => void = () => undefined;
    const submit = vi.spyOn(api, 'submitJob').mockReturnValue(new Promise((resolve) => (answer = resolve)));
    const result = { ...job({ options: { ...job().options, style_loss: 'neighbors' } }), id: paint.name };
    const painted = paint(result);
    await vi.waitFor(() => {
      expect(submit).toHaveBeenCalled();
    }, PATIENCE);
    await go('/about');
    answer(created);
    await painted;
    expect(here.path).toBe('/about');
    expect(notices.list).toMatchObject([{ bad: false, link: { address: '/jobs/2' } }]);
  });

  it('stays there, and a notice links to the studio where a seed would change nothing', async () => {
    let answer: (document: OptionsDocument) => void = () => undefined;
    vi.spyOn(api, 'getOptions').mockReturnValue(new Promise((resolve) => (answer = resolve)));
    const painted = repaint(job({ options: { ...job().options, style_loss: 'gram' } }));
    await go('/about');
    answer(withSeeds);
    await painted;
    expect(here.path).toBe('/about');
    expect(notices.list).toMatchObject([{ link: { address: 'studio?remix=1' } }]);
  });
});
