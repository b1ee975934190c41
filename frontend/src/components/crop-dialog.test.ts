import { fireEvent, render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import * as api from '../lib/api';
import { PATIENCE } from '../lib/fixtures';
import { notices } from '../lib/notices.svelte';
import * as pixels from '../lib/pixels';
import type { Picture } from '../lib/submission';
import { texts } from '../texts';
import CropDialog from './CropDialog.svelte';

const user = userEvent.setup();

const small = new Blob(['small']);
const whole = new Blob(['whole']);
const file = new File(['bytes'], 'me.heic');
const photo: Picture = { source: { kind: 'file', file, seen: small }, name: 'me.heic', url: '/me', size: [3000, 4000], format: 'HEIC', bytes: 5 };
const onchange = vi.fn<(file: File) => void>();

const turnAndFinish = async () => {
  await user.click(await screen.findByRole('button', { name: texts.crop.right }));
  await user.click(screen.getByRole('button', { name: texts.crop.done }));
};

beforeEach(() => {
  onchange.mockReset();
  notices.list = [];
  vi.stubGlobal('createImageBitmap', (blob: Blob) => Promise.resolve({ blob, close: () => undefined }));
  vi.spyOn(pixels, 'turned').mockImplementation(() => document.createElement('canvas'));
});

describe('a photo of which a small version is shown', () => {
  it('is cut in full size', async () => {
    const upright = vi.spyOn(api, 'turnUpright').mockResolvedValue(whole);
    const cropped = new File(['cropped'], 'me.jpg');
    const cut = vi.spyOn(pixels, 'cut').mockResolvedValue(cropped);
    render(CropDialog, { open: true, photo, hasAreas: false, onchange });
    await turnAndFinish();
    await vi.waitFor(() => {
      expect(onchange).toHaveBeenCalledExactlyOnceWith(cropped);
    }, PATIENCE);
    expect(upright).toHaveBeenCalledExactlyOnceWith(file);
    expect(cut.mock.lastCall).toMatchObject([{ blob: whole }, 1, expect.anything(), 'me.heic', false]);
  });

  it('stays as it is if the server is not reached, and the crop can be tried again', async () => {
    vi.spyOn(api, 'turnUpright').mockRejectedValue(new api.Problem('offline'));
    render(CropDialog, { open: true, photo, hasAreas: false, onchange });
    await turnAndFinish();
    await vi.waitFor(() => {
      expect(notices.list[0]?.text).toContain('The server cannot be reached.');
    }, PATIENCE);
    expect(onchange).not.toHaveBeenCalled();
    expect(await screen.findByRole('button', { name: texts.crop.done })).toBeEnabled();
  });

  it('is not changed after the dialog was closed', async () => {
    let answer: (blob: Blob) => void = () => undefined;
    vi.spyOn(api, 'turnUpright').mockReturnValue(new Promise((resolve) => (answer = resolve)));
    const cut = vi.spyOn(pixels, 'cut').mockResolvedValue(new File(['cropped'], 'me.jpg'));
    const { unmount } = render(CropDialog, { open: true, photo, hasAreas: false, onchange });
    await turnAndFinish();
    unmount();
    answer(whole);
    await vi.waitFor(() => {
      expect(cut).toHaveBeenCalledOnce();
    }, PATIENCE);
    await cut.mock.results[0]?.value;
    await Promise.resolve();
    expect(onchange).not.toHaveBeenCalled();
  });
});

it('moves one corner at a time, with the finger that began', async () => {
  vi.spyOn(HTMLElement.prototype, 'getBoundingClientRect').mockReturnValue({ width: 100, height: 100 } as DOMRect);
  HTMLElement.prototype.setPointerCapture = vi.fn();
  render(CropDialog, { open: true, photo, hasAreas: false, onchange });
  const [one, other] = await Promise.all(
    ['lefttop', 'righttop'].map((name) => screen.findByRole('button', { name: texts.crop.corner[name] as string })),
  );
  const finger = (pointerId: number, clientX: number) => ({ pointerId, clientX, clientY: 0, button: 0 });
  const edges = () => [one?.style.left, other?.style.left];
  await fireEvent.pointerDown(one as HTMLElement, finger(1, 0));
  await fireEvent.pointerDown(other as HTMLElement, finger(2, 100));
  await fireEvent.pointerMove(one as HTMLElement, finger(1, 20));
  for (const corner of [one, other]) await fireEvent.pointerMove(corner as HTMLElement, finger(2, 50));
  expect(edges()).toEqual(['20%', '100%']);
  await fireEvent.lostPointerCapture(one as HTMLElement, finger(1, 20));
  await fireEvent.pointerMove(one as HTMLElement, finger(1, 40));
  await fireEvent.pointerDown(other as HTMLElement, finger(2, 100));
  await fireEvent.pointerMove(other as HTMLElement, finger(2, 50));
  expect(edges()).toEqual(['20%', '50%']);
});

it('says that painted areas are removed, if there are some', () => {
  const { unmount } = render(CropDialog, { open: true, photo, hasAreas: false, onchange });
  expect(screen.queryByText(/painted areas are removed/)).not.toBeInTheDocument();
  unmount();
  render(CropDialog, { open: true, photo, hasAreas: true, onchange });
  expect(screen.getByText(/painted areas are removed/)).toBeInTheDocument();
});
