import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import * as api from '../lib/api';
import { job, PATIENCE } from '../lib/fixtures';
import { notices } from '../lib/notices.svelte';
import * as sheet from '../lib/share-sheet';
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
});

const open = () => render(ShareDialog, { open: true, job: job({ status: 'succeeded' }) });

it('keeps a link that is made before the others are known', async () => {
  open();
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
  open();
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

describe('the share sheet', () => {
  const picture = new File(['jpeg'], 'cat.jpg');
  const late = new DOMException('no tap', 'NotAllowedError');
  const send = () => user.click(screen.getByRole('button', { name: words.send }));
  const said = () => notices.list.map(({ text }) => text);

  beforeEach(() => {
    notices.list = [];
    vi.spyOn(sheet, 'hasShareSheet').mockReturnValue(true);
  });

  it('opens with a second tap if the download took too long', async () => {
    const download = vi.spyOn(sheet, 'downloadResult').mockResolvedValue(picture);
    const opened = vi.spyOn(sheet, 'sendPicture').mockRejectedValueOnce(late).mockResolvedValue();
    open();
    await send();
    await vi.waitFor(() => {
      expect(said()).toEqual([words.sendAgain]);
    }, PATIENCE);
    await send();
    expect(opened).toHaveBeenLastCalledWith(picture, job().title);
    expect(opened).toHaveBeenCalledTimes(2);
    expect(download).toHaveBeenCalledOnce();
    expect(said()).toEqual([words.sendAgain]);
  });

  it('is not promised again if the browser refuses the second tap, too', async () => {
    vi.spyOn(sheet, 'downloadResult').mockResolvedValue(picture);
    vi.spyOn(sheet, 'sendPicture').mockRejectedValue(late);
    open();
    for (const text of [words.sendAgain, words.notSent]) {
      await send();
      await vi.waitFor(() => {
        expect(said()).toContain(text);
      }, PATIENCE);
    }
  });
});
