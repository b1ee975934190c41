/** Loss curve of a job, stored by the browser so that neither a reload nor another tab loses it. */

import { forget, keep, recall } from './store';
import type { Losses } from './types';

export interface LossPoint extends Losses {
  step: number;
}

const MOST_POINTS = 400;

/** Maximum number of stored curves; the curve of the job seen least recently is dropped first. */
const MOST_CURVES = 20;
const RECENT = 'nst-losses';

const key = (jobId: string) => `nst-losses-${jobId}`;

export function loadLosses(jobId: string): LossPoint[] {
  try {
    return JSON.parse(recall(key(jobId)) ?? '[]') as LossPoint[];
  } catch {
    return [];
  }
}

export function saveLosses(jobId: string, points: LossPoint[]): void {
  const recent = [jobId, ...recentJobs().filter((id) => id !== jobId)];
  for (const id of recent.slice(MOST_CURVES)) forget(key(id));
  keep(RECENT, recent.slice(0, MOST_CURVES).join(' '));
  // If the storage is full, the curve is only shorter after a reload.
  keep(key(jobId), JSON.stringify(points, inShort));
}

const recentJobs = () => (recall(RECENT) ?? '').split(' ').filter(Boolean);

const inShort = (_: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value);

/** Adds a point. A resumed job goes back some steps; the points of the steps that it repeats are dropped. */
export function withPoint(points: LossPoint[], point: LossPoint): LossPoint[] {
  const before = points.filter(({ step }) => step < point.step);
  return thin([...before, point]);
}

/** Drops every other point once there are too many; the curve keeps its ends and its shape. */
function thin(points: LossPoint[]): LossPoint[] {
  if (points.length <= MOST_POINTS) return points;
  return points.filter((_, index) => index % 2 === 0 || index === points.length - 1);
}

/**
 * Returns the SVG path of one loss in a box of this width and height. The axis is logarithmic, because losses fall
 * over powers of ten.
 */
export function lossPath(
  points: LossPoint[],
  name: keyof Losses,
  box: { width: number; height: number; lastStep: number; range: [least: number, most: number] },
): string {
  const [least, most] = box.range.map(Math.log10) as [number, number];
  const x = (step: number) => (step / Math.max(1, box.lastStep)) * box.width;
  const y = (value: number) => ((most - Math.log10(value)) / Math.max(1e-9, most - least)) * box.height;
  return points
    .filter((point) => point[name] > 0)
    .map((point, index) => `${index ? 'L' : 'M'}${x(point.step).toFixed(1)} ${y(point[name]).toFixed(1)}`)
    .join('');
}

/** Returns the minimum and the maximum of these losses, rounded outwards to half powers of ten. */
export function lossRange(points: LossPoint[], names: (keyof Losses)[]): [number, number] {
  const values = points.flatMap((point) => names.map((name) => point[name])).filter((value) => value > 0);
  if (values.length === 0) return [1, 10];
  const half = (value: number, round: (value: number) => number) => 10 ** (round(Math.log10(value) * 2) / 2);
  const least = half(Math.min(...values), Math.floor);
  return [least, Math.max(half(Math.max(...values), Math.ceil), least * 10 ** 0.5)];
}
