/** Live camera painted by a learned style. Its network runs in WebAssembly in this browser; no frame leaves it. */

import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import * as ort from 'onnxruntime-web/wasm';
import { download } from './api';
import type { LearnedStyle } from './types';

/** Longest side of a painted frame, in pixels. */
export const SIDE_PIXELS = 320;
/** Stride of the network, in pixels: the sides of a frame must be multiples of it. */
const STRIDE = 4;
/** Number of frames over which the rate is averaged. */
const RATE_FRAMES = 10;

/** Paints one frame. */
export type Paint = (frame: ImageData) => Promise<ImageData>;

/** Loads the network of a style; all styles in its file have equal shares. Raises Problem. */
export async function painterOf(style: LearnedStyle): Promise<Paint> {
  ort.env.wasm.wasmPaths = { wasm };
  // More threads need a cross-origin isolated page.
  ort.env.wasm.numThreads = 1;
  const graph = await (await download(style.links.onnx)).arrayBuffer();
  const session = await ort.InferenceSession.create(graph, { executionProviders: ['wasm'] });
  const count = style.styles.length;
  const shares = new ort.Tensor('float32', new Float32Array(count).fill(1 / count), [1, count]);
  return async ({ data, width, height }) => {
    const photo = new ort.Tensor('float32', planesOf(data), [1, 3, height, width]);
    const { painted } = await session.run({ photo, shares });
    return new ImageData(pixelsOf(painted?.data as Float32Array), width, height);
  };
}

/** Returns width and height, in pixels, of the painted frames of a camera image of this size. */
export function sizeOf(width: number, height: number): [number, number] {
  const scale = SIDE_PIXELS / Math.max(width, height);
  const side = (length: number) => Math.max(STRIDE, STRIDE * Math.round((scale * length) / STRIDE));
  return [side(width), side(height)];
}

/** Converts RGBA pixels to planes: all red, all green, all blue values. */
export function planesOf(pixels: Uint8ClampedArray): Float32Array {
  const count = pixels.length / 4;
  const planes = new Float32Array(3 * count);
  for (let index = 0; index < planes.length; index++) {
    planes[index] = pixels[4 * (index % count) + Math.floor(index / count)] ?? 0;
  }
  return planes;
}

/** Converts planes to RGBA pixels; values beyond 0…255 are clamped. */
export function pixelsOf(planes: Float32Array): Uint8ClampedArray<ArrayBuffer> {
  const count = planes.length / 3;
  const pixels = new Uint8ClampedArray(4 * count).fill(255);
  for (let index = 0; index < planes.length; index++) {
    pixels[4 * (index % count) + Math.floor(index / count)] = planes[index] ?? 0;
  }
  return pixels;
}

/** Average frame rate of the last frames, in frames per second. */
export class Rate {
  #times: number[] = [];

  /** Counts a frame that was painted now and returns the rate, which is 0 before the second frame. */
  tick(now = performance.now()): number {
    this.#times = [...this.#times, now].slice(-RATE_FRAMES);
    const [first = now] = this.#times;
    return now > first ? (1000 * (this.#times.length - 1)) / (now - first) : 0;
  }
}
