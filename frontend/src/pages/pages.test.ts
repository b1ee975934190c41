import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import * as api from '../lib/api';
import { DOCUMENT, job, PATIENCE } from '../lib/fixtures';
import { GALLERY } from '../lib/pictures';
import { go, here } from '../lib/router.svelte';
import { studio } from '../lib/studio.svelte';
import type { Job } from '../lib/types';
import { texts } from '../texts';
import About from './About.svelte';
import History from './History.svelte';
import Home from './Home.svelte';
import Studio from './Studio.svelte';

it.each([
  ['the first page', Home, 2 + 3 + GALLERY.length],
  ['the page that explains', About, 20],
])('%s has all its pictures', (_, Page, count) => {
  render(Page);
  expect(screen.getByRole('heading', { level: 1 })).toBeInTheDocument();
  const images = [...document.querySelectorAll('img')];
  expect(images).toHaveLength(count);
  for (const image of images) expect(image.src).toMatch(/\.webp$/);
});

it('shows which pictures are left if deleting all of them fails midway', async () => {
  let jobs = ['2', '1'].map((id) => job({ id, title: `cat ${id}`, status: 'succeeded' }));
  vi.spyOn(api, 'listJobs').mockImplementation(({ status = 'succeeded' } = {}) =>
    Promise.resolve({ jobs: jobs.filter((one) => one.status === status), next: null }),
  );
  vi.spyOn(api, 'deleteJob').mockImplementation((id) => {
    if (id === '1') return Promise.reject(new api.Problem('offline'));
    jobs = jobs.filter((one) => one.id !== id);
    return Promise.resolve();
  });
  await go('/jobs');
  render(History);
  const user = userEvent.setup();
  await user.click(await screen.findByRole('button', { name: texts.history.clear }));
  await user.click(await screen.findByRole('button', { name: texts.history.clearDialog.yes }));
  await vi.waitUntil(() => !screen.queryByText('cat 2'), PATIENCE);
  expect(screen.getByText('cat 1')).toBeInTheDocument();
});

/** Resolves after all that waits for a promise that is resolved already. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

describe('the studio', () => {
  const user = userEvent.setup();
  const sample = { name: 'cat', title: 'Cat', url: '/cat', thumb: '/cat-thumb' };

  it('starts by Ctrl+Enter, but not behind a dialog', async () => {
    vi.spyOn(studio, 'load').mockResolvedValue();
    const start = vi.spyOn(studio, 'start').mockRejectedValue(new api.Problem('upload_stopped'));
    studio.document = DOCUMENT;
    studio.choosePreset('quality');
    studio.placeSample(sample, 'content');
    studio.placeSample(sample, 'style');
    render(Studio);
    await user.click(screen.getByRole('button', { name: 'All settings' }));
    expect(await screen.findByRole('dialog')).toBeInTheDocument();
    await user.keyboard('{Control>}{Enter}{/Control}');
    expect(start).not.toHaveBeenCalled();
    await user.keyboard('{Escape}');
    await vi.waitUntil(() => !screen.queryByRole('dialog'), PATIENCE);
    await user.keyboard('{Control>}{Enter}{/Control}');
    expect(start).toHaveBeenCalledOnce();
  });

  it('neither opens nor loads a job for somebody who has left it', async () => {
    vi.spyOn(studio, 'load').mockResolvedValue();
    let answer: (job: Job) => void = () => undefined;
    const fetched = vi.spyOn(api, 'getJob').mockReturnValue(new Promise((resolve) => (answer = resolve)));
    studio.document = DOCUMENT;
    studio.placeSample(sample, 'content');
    await go('/studio?remix=1');
    const { unmount } = render(Studio);
    await vi.waitFor(() => {
      expect(fetched).toHaveBeenCalled();
    }, PATIENCE);
    await go('/about');
    unmount();
    answer(job());
    await settled();
    expect(here.path).toBe('/about');
    expect(studio.content).toMatchObject({ name: 'Cat' });
  });
});
