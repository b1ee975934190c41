import { describe, expect, it, vi } from 'vitest';

vi.mock('onnxruntime-web/wasm', () => ({}));
vi.mock('onnxruntime-web/ort-wasm-simd-threaded.wasm?url', () => ({ default: '' }));

const { pixelsOf, planesOf, Rate, sizeOf } = await import('./live-camera');

describe('frames', () => {
  it('become planes and pixels again', () => {
    const pixels = Uint8ClampedArray.from([1, 2, 3, 255, 4, 5, 6, 255]);
    expect([...planesOf(pixels)]).toEqual([1, 4, 2, 5, 3, 6]);
    expect(pixelsOf(planesOf(pixels))).toEqual(pixels);
    expect([...pixelsOf(Float32Array.from([-9, 300, 7]))]).toEqual([0, 255, 7, 255]);
  });

  it.each([
    [640, 480, [320, 240]],
    [480, 640, [240, 320]],
    [1000, 3, [320, 4]],
  ])('of a camera of %i × %i', (width, height, size) => {
    expect(sizeOf(width, height)).toEqual(size);
  });
});

it('counts frames per second', () => {
  const rate = new Rate();
  expect([rate.tick(0), rate.tick(500), rate.tick(1000)]).toEqual([0, 2, 2]);
});
