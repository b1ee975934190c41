import { render, screen, within } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import * as api from '../lib/api';
import { DOCUMENT, job, PATIENCE } from '../lib/fixtures';
import { notices } from '../lib/notices.svelte';
import * as pixels from '../lib/pixels';
import { go, here } from '../lib/router.svelte';
import { studio } from '../lib/studio.svelte';
import type { Sample } from '../lib/types';
import type { WatchedJob } from '../lib/watched-job.svelte';
import { texts } from '../texts';
import CropDialog from './CropDialog.svelte';
import JobActions from './JobActions.svelte';
import JobCard from './JobCard.svelte';
import LearnDialog from './LearnDialog.svelte';

const user = userEvent.setup();

it('says why there is no command', async () => {
  vi.spyOn(api, 'getOptions').mockRejectedValue(new api.Problem('offline'));
  notices.list = [];
  render(JobActions, { job: job({ status: 'succeeded' }), watched: {} as WatchedJob });
  await user.click(screen.getByRole('button', { name: texts.job.actions.commands }));
  expect(notices.list[0]?.text).toContain('The server cannot be reached.');
});

it('stays on the page that is open when the job is deleted', async () => {
  vi.spyOn(api, 'getOptions').mockResolvedValue(DOCUMENT);
  let answer: () => void = () => undefined;
  vi.spyOn(api, 'deleteJob').mockReturnValue(new Promise((resolve) => (answer = resolve)));
  notices.list = [];
  await go('/jobs/1');
  render(JobActions, { job: job({ status: 'succeeded' }), watched: {} as WatchedJob });
  await user.click(screen.getByRole('button', { name: texts.job.actions.delete }));
  await user.click(within(await screen.findByRole('alertdialog')).getByRole('button', { name: texts.job.delete.yes }));
  await go('/about');
  answer();
  await vi.waitUntil(() => notices.list.length > 0, PATIENCE);
  expect(here.path).toBe('/about');
});

describe('buttons that create a job', () => {
  const answer = () => new Promise<never>(() => undefined);

  it('paint again once, however often they are clicked', async () => {
    vi.spyOn(api, 'getOptions').mockResolvedValue(DOCUMENT);
    const submit = vi.spyOn(api, 'submitJob').mockImplementation(answer);
    render(JobCard, { job: job({ status: 'succeeded' }), cancel: vi.fn(), remove: vi.fn() });
    const button = screen.getByRole('button', { name: /^Paint again/ });
    await user.click(button);
    expect(button).toBeDisabled();
    await user.click(button);
    expect(submit).toHaveBeenCalledTimes(1);
  });

  it('retry once', async () => {
    vi.spyOn(api, 'getOptions').mockResolvedValue(DOCUMENT);
    const watched = { act: vi.fn(answer), follow: vi.fn() };
    render(JobActions, { job: job({ status: 'failed' }), watched: watched as unknown as WatchedJob });
    const button = screen.getByRole('button', { name: 'Try again' });
    await user.click(button);
    expect(button).toBeDisabled();
    expect(watched.act).toHaveBeenCalledTimes(1);
  });

  it('learn with the same key until a field is changed', async () => {
    const learn = vi.spyOn(api, 'learnStyle').mockRejectedValue(new api.Problem('offline'));
    studio.styleSamples = [{ name: 'impasto', title: 'Impasto', licence: '', url: '/impasto' } as unknown as Sample];
    render(LearnDialog, { open: true, limits: DOCUMENT.limits });
    await user.selectOptions(await screen.findByLabelText(texts.learning.sample), 'impasto');
    const send = () => user.click(screen.getByRole('button', { name: texts.learning.start }));
    await send();
    await send();
    await user.click(screen.getByRole('checkbox'));
    await send();
    const keys = learn.mock.calls.map(([, key]) => key);
    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[1]);
  });
});

it('says that a photo cannot be cropped', async () => {
  vi.stubGlobal('createImageBitmap', () => Promise.resolve({ width: 6, height: 4, close: () => undefined }));
  vi.spyOn(pixels, 'turned').mockImplementation(() => document.createElement('canvas'));
  vi.spyOn(pixels, 'cut').mockRejectedValue(new Error('no memory'));
  const file = new File(['bytes'], 'me.jpg');
  const photo = { source: { kind: 'file' as const, file }, name: 'me.jpg', url: '/me', size: null, format: 'JPEG', bytes: 5 };
  render(CropDialog, { open: true, photo, hasAreas: false, onchange: vi.fn() });
  await user.click(await screen.findByRole('button', { name: texts.crop.right }));
  await user.click(screen.getByRole('button', { name: texts.crop.done }));
  expect(await screen.findByRole('alert')).toHaveTextContent(texts.crop.failed);
});
