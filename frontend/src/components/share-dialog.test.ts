import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it, vi } from 'vitest';
import * as api from '../lib/api';
import { job, PATIENCE } from '../lib/fixtures';
import type { Share } from '../lib/types';
import { texts } from '../texts';
import ShareDialog from './ShareDialog.svelte';

const user = userEvent.setup();
const words = texts.job.share;

const link = (id: string, url: string | null): Share => ({ id, url, expires_at: '2030-01-01T00:00:00Z' }) as Share;
const makeButton = () => screen.getByRole('button', { name: words.make });
const links = () => screen.queryAllByRole('listitem');

let answer: (shares: Share[]) => void;

beforeEach(() => {
  vi.spyOn(api, 'getShares').mockReturnValue(new Promise((resolve) => (answer = resolve)));
  render(ShareDialog, { open: true, job: job({ status: 'succeeded' }) });
});

it('keeps a link that is made before the others are known', async () => {
  vi.spyOn(api, 'share').mockResolvedValue(link('new', '/shared/secret'));
  await user.click(makeButton());
  expect(await screen.findByRole('textbox')).toHaveValue('http://localhost:3000/shared/secret');
  answer([link('old', null), link('new', null)]);
  await vi.waitFor(() => {
    expect(links()).toHaveLength(2);
  }, PATIENCE);
  expect(screen.getByRole('textbox')).toHaveValue('http://localhost:3000/shared/secret');
});

it('makes one link, however often the button is clicked', async () => {
  let made: (share: Share) => void = () => undefined;
  const share = vi.spyOn(api, 'share').mockReturnValue(new Promise((resolve) => (made = resolve)));
  await user.click(makeButton());
  expect(makeButton()).toBeDisabled();
  await user.click(makeButton());
  expect(share).toHaveBeenCalledOnce();
  made(link('new', '/shared/secret'));
  expect(await screen.findByRole('textbox')).toBeInTheDocument();
  await vi.waitFor(() => {
    expect(makeButton()).toBeEnabled();
  }, PATIENCE);
});
