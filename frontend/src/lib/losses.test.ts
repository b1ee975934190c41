import { beforeEach, describe, expect, it } from 'vitest';
import { loadLosses, lossPath, lossRange, saveLosses, withPoint, type LossPoint } from './losses';

const point = (step: number, total = 100): LossPoint => ({
  step,
  content: total / 10,
  style: total,
  total_variation: 0,
  temporal: 0,
  total,
});

describe('withPoint', () => {
  it('drops what is painted again after an interruption', () => {
    const points = [1, 2, 3, 4].map((step) => point(step));
    expect(withPoint(points, point(3, 7)).map(({ step }) => step)).toEqual([1, 2, 3]);
  });

  it('stays small and keeps both ends', () => {
    let points: LossPoint[] = [];
    for (let step = 1; step <= 5000; step += 1) points = withPoint(points, point(step));
    expect(points.length).toBeLessThanOrEqual(400);
    expect(points.length).toBeGreaterThan(200);
    expect(points[0]?.step).toBe(1);
    expect(points.at(-1)?.step).toBe(5000);
  });
});

describe('the curve', () => {
  it('spans half powers of ten', () => {
    expect(lossRange([point(1, 500), point(2, 20)], ['total', 'content'])).toEqual([1, 1000]);
    expect(lossRange([], ['total'])).toEqual([1, 10]);
  });

  it('lies in its box, with a logarithmic axis from top to bottom', () => {
    const box = { width: 300, height: 100, lastStep: 30, range: [1, 100] as [number, number] };
    expect(lossPath([point(0, 100), point(15, 10), point(30, 1)], 'total', box)).toBe('M0.0 0.0L150.0 50.0L300.0 100.0');
  });

  it('leaves out what has no logarithm', () => {
    const box = { width: 300, height: 100, lastStep: 30, range: [1, 100] as [number, number] };
    expect(lossPath([point(15, 10)], 'total_variation', box)).toBe('');
  });
});

describe('after a reload', () => {
  beforeEach(() => {
    localStorage.clear();
  });

  it('is still there', () => {
    saveLosses('1', [point(1)]);
    expect(loadLosses('1')).toEqual([point(1)]);
    expect(loadLosses('2')).toEqual([]);
  });

  it('is kept of the jobs that were seen last', () => {
    for (let id = 1; id <= 25; id += 1) saveLosses(String(id), [point(1)]);
    expect(loadLosses('5')).toEqual([]);
    expect(loadLosses('6')).toEqual([point(1)]);
    expect(loadLosses('25')).toEqual([point(1)]);
  });

  it('begins anew if what was kept cannot be read', () => {
    localStorage.setItem('nst-losses-1', 'no json');
    expect(loadLosses('1')).toEqual([]);
  });
});
