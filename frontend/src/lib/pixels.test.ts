import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { turnedClockwise, type Crop } from './crop';
import { cut, turned } from './pixels';

const MIDDLE: Crop = { left: 0.25, top: 0.375, right: 0.5, bottom: 0.625 };
const bitmap = (width: number, height: number) => ({ width, height }) as ImageBitmap;

/** Canvases that were written to a file. */
let written: HTMLCanvasElement[];
const drawImage = vi.fn();

beforeEach(() => {
  written = [];
  drawImage.mockReset();
  const context = { translate: vi.fn(), rotate: vi.fn(), drawImage };
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(context as unknown as null);
  vi.spyOn(HTMLCanvasElement.prototype, 'toBlob').mockImplementation(function (this: HTMLCanvasElement, done) {
    written.push(this);
    done(new Blob(['pixels']));
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Returns width and height of the only canvas that was written. */
async function sizeOf(image: ImageBitmap, turns: number, crop: Crop): Promise<[number, number]> {
  await cut(image, turns, crop, 'me.heic', false);
  expect(written).toHaveLength(1);
  return [written[0]?.width ?? 0, written[0]?.height ?? 0];
}

it('cuts from all pixels of a large photo', async () => {
  expect(await sizeOf(bitmap(8000, 6000), 0, MIDDLE)).toEqual([2000, 1500]);
  expect(drawImage.mock.lastCall?.slice(1)).toEqual([2000, 2250, 2000, 1500, -1000, -750, 2000, 1500]);
});

it.each([1, 2, 3])('after %i quarter turns cuts the part that is shown', async (turns) => {
  const crop = [1, 2, 3].slice(0, turns).reduce((part) => turnedClockwise(part), MIDDLE);
  expect(await sizeOf(bitmap(8000, 6000), turns, crop)).toEqual(turns === 2 ? [2000, 1500] : [1500, 2000]);
  expect(drawImage.mock.lastCall?.slice(1, 5)).toEqual([2000, 2250, 2000, 1500]);
});

it('scales a part down that is too large for a canvas', async () => {
  expect(await sizeOf(bitmap(8000, 6000), 0, { left: 0, top: 0, right: 1, bottom: 0.5 })).toEqual([4096, 1536]);
});

it('draws the whole image if nothing is cut', () => {
  const { width, height } = turned(bitmap(2000, 1000), 1, 1000);
  expect([width, height]).toEqual([500, 1000]);
  expect(drawImage.mock.lastCall?.slice(1)).toEqual([0, 0, 2000, 1000, -500, -250, 1000, 500]);
});
