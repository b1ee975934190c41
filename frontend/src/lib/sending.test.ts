import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, it, vi, type MockInstance } from 'vitest';
import StartBar from '../components/StartBar.svelte';
import * as api from './api';
import { DOCUMENT, job, PATIENCE } from './fixtures';
import { notices } from './notices.svelte';
import { go } from './router.svelte';
import { painting } from './sending.svelte';
import { studio } from './studio.svelte';
import type { Picture } from './submission';
import type { Job } from './types';

const user = userEvent.setup();
const sample = (name: string): Picture => ({
  source: { kind: 'sample', name, address: `/${name}` },
  name,
  url: null,
  size: null,
  format: null,
  bytes: null,
});
const startButton = () => screen.getByRole('button', { name: 'Start painting' });

let answer: { resolve: (submitted: Job) => void; reject: (problem: api.Problem) => void };
let submit: MockInstance<typeof api.submitJob>;

beforeEach(async () => {
  vi.spyOn(api, 'getEstimate').mockResolvedValue(null);
  const answered = new Promise<Job>((resolve, reject) => (answer = { resolve, reject }));
  submit = vi.spyOn(api, 'submitJob').mockReset().mockReturnValue(answered);
  studio.document = DOCUMENT;
  studio.content = sample('cat');
  studio.styles = [{ id: 1, picture: sample('impasto'), blend: 50, mask: null }];
  notices.list = [];
  await go('/studio');
});

afterEach(async () => {
  painting.problem = null;
  await go('/');
});

it('is shown again, and not sent twice, when the start button is drawn anew', async () => {
  const { unmount } = render(StartBar);
  await user.click(startButton());
  unmount();
  render(StartBar);
  expect(screen.getByRole('progressbar')).toBeInTheDocument();
  expect(screen.queryByRole('button', { name: 'Start painting' })).not.toBeInTheDocument();
  answer.resolve(job());
  await vi.waitFor(() => {
    expect(location.pathname).toBe('/jobs/1');
  }, PATIENCE);
  expect(submit).toHaveBeenCalledOnce();
  expect(notices.list).toEqual([]);
});

it('links to the job, and leaves the person on the page that is open meanwhile', async () => {
  const { unmount } = render(StartBar);
  await user.click(startButton());
  await go('/about');
  unmount();
  answer.resolve(job());
  await vi.waitFor(() => {
    expect(notices.list).toMatchObject([{ bad: false, link: { address: '/jobs/1' } }]);
  }, PATIENCE);
  expect(location.pathname).toBe('/about');
});

it('says on other pages that it failed, and can be repeated in the studio', async () => {
  const { unmount } = render(StartBar);
  await user.click(startButton());
  await go('/about');
  unmount();
  answer.reject(new api.Problem('offline'));
  await vi.waitFor(() => {
    expect(notices.list).toMatchObject([{ bad: true, link: { address: 'studio' } }]);
  }, PATIENCE);
  await go('/studio');
  render(StartBar);
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  expect(submit).toHaveBeenCalledTimes(2);
});

it('forgets a problem that was seen when the studio is left', async () => {
  const { unmount } = render(StartBar);
  await user.click(startButton());
  answer.reject(new api.Problem('offline'));
  await screen.findByRole('alert');
  await go('/about');
  unmount();
  render(StartBar);
  expect(screen.queryByRole('alert')).not.toBeInTheDocument();
});
