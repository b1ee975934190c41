import { fireEvent, render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';
import * as brush from '../lib/brush';
import { texts } from '../texts';
import CropDialog from './CropDialog.svelte';
import MaskDialog from './MaskDialog.svelte';

const words = { title: 'Where?', lead: 'Paint.', none: 'Apply everywhere' };
const finger = (pointerId: number, x: number, y = x) => ({ pointerId, clientX: x, clientY: y, button: 0 });
const photo = () => screen.getByRole('application');

let stroke: MockInstance<typeof brush.stroke>;

/** Returns the points of the stroke that was drawn last. */
const drawn = () => stroke.mock.lastCall?.[1].map(({ x }) => x);

beforeEach(() => {
  const context = { canvas: {}, clearRect: vi.fn(), getImageData: () => ({}), putImageData: vi.fn() };
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(context as unknown as null);
  vi.spyOn(HTMLCanvasElement.prototype, 'getBoundingClientRect').mockReturnValue({ left: 0, top: 0, width: 300 } as DOMRect);
  stroke = vi.spyOn(brush, 'stroke').mockReturnValue();
  HTMLElement.prototype.setPointerCapture = vi.fn();
});

describe('the brush', () => {
  beforeEach(() => {
    render(MaskDialog, { open: true, words, mask: null, photo: '/photo', onchange: vi.fn() });
  });

  it('follows the finger that began the stroke', async () => {
    await fireEvent.pointerDown(photo(), finger(1, 10));
    await fireEvent.pointerDown(photo(), finger(2, 200));
    await fireEvent.pointerMove(photo(), finger(2, 210));
    await fireEvent.pointerUp(photo(), finger(2, 210));
    await fireEvent.pointerMove(photo(), finger(1, 20));
    expect(drawn()).toEqual([10, 20]);
  });

  it.each(['pointerUp', 'pointerCancel', 'lostPointerCapture'] as const)('ends the stroke at %s', async (end) => {
    await fireEvent.pointerDown(photo(), finger(1, 10));
    await fireEvent[end](photo(), finger(1, 10));
    await fireEvent.pointerMove(photo(), finger(1, 20));
    expect(drawn()).toEqual([10]);
    await fireEvent.pointerDown(photo(), finger(2, 30));
    expect(drawn()).toEqual([30]);
  });

  it('draws with the main button only', async () => {
    await fireEvent.pointerDown(photo(), { ...finger(1, 10), button: 2 });
    expect(stroke).not.toHaveBeenCalled();
  });
});

describe('a click beside the dialog', () => {
  const user = userEvent.setup({ advanceTimers: (milliseconds) => vi.advanceTimersByTime(milliseconds) });

  /** Clicks beside the dialog, and returns whether it is still open once this can have closed it. */
  async function staysOpen(): Promise<boolean> {
    await fireEvent.pointerDown(document.body, { clientX: 900, clientY: 900, button: 0 });
    await vi.advanceTimersByTimeAsync(1000);
    return screen.queryByRole('dialog') !== null;
  }

  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('does not discard a painted area', async () => {
    render(MaskDialog, { open: true, words, mask: null, photo: '/photo', onchange: vi.fn() });
    await vi.advanceTimersByTimeAsync(1000);
    await user.click(screen.getByRole('button', { name: texts.mask.none }));
    expect(await staysOpen()).toBe(true);
    await user.click(screen.getByRole('button', { name: texts.mask.undo }));
    expect(await staysOpen()).toBe(false);
  });

  it('does not discard a crop', async () => {
    vi.stubGlobal('createImageBitmap', () => new Promise(() => undefined));
    const file = new File(['bytes'], 'me.jpg');
    const picture = { source: { kind: 'file' as const, file }, name: 'me.jpg', url: '/me', size: null, format: 'JPEG', bytes: 5 };
    render(CropDialog, { open: true, photo: picture, hasAreas: false, onchange: vi.fn() });
    await vi.advanceTimersByTimeAsync(1000);
    await user.click(screen.getByRole('button', { name: texts.crop.right }));
    expect(await staysOpen()).toBe(true);
    await user.click(screen.getByRole('button', { name: texts.crop.left }));
    expect(await staysOpen()).toBe(false);
  });
});
