import { describe, expect, it } from 'vitest';
import { ago, day, duration, fileSize, hundredths, percent, pixelSize, plainNumber } from './format';

describe('duration', () => {
  it.each([
    [-1, '0 s'],
    [0.4, '0 s'],
    [59.4, '59 s'],
    [59.6, '1 min'],
    [80, '1 min 20 s'],
    [3599.7, '1 h'],
    [7500, '2 h 5 min'],
  ])('%d', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

it('writes dates as the reader does', () => {
  expect(day('2026-03-05T12:00:00Z', 'en-US')).toBe('March 5, 2026');
  expect(day('2026-03-05T12:00:00Z', 'en-GB')).toBe('5 March 2026');
  expect(day('2026-03-05T12:00:00Z', 'de')).toBe('5. März 2026');
});

describe('fileSize', () => {
  it.each([
    [0, '0 bytes'],
    [999, '999 bytes'],
    [1000, '1 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [3_440_000, '3.4 MB'],
    [32_000_000, '32 MB'],
  ])('%d', (bytes, text) => {
    expect(fileSize(bytes)).toBe(text);
  });
});

it('keeps both places of hundredths', () => {
  expect([0, 0.3, 0.2149, 1].map(hundredths)).toEqual(['0.00', '0.30', '0.21', '1.00']);
});

describe('plainNumber', () => {
  it.each([
    [0, '0'],
    [0.5, '0.5'],
    [30_000, '30 000'],
    [140_000, '140 000'],
    [3.21e12, '3.2e12'],
    [1e9, '1e9'],
    [0.00001, '1e-5'],
  ])('%d', (value, text) => {
    expect(plainNumber(value)).toBe(text);
  });
});

describe('ago', () => {
  const now = Date.parse('2026-11-22T18:00:00Z');

  it.each([
    ['2026-11-22T17:59:30Z', null],
    ['2026-11-22T18:00:20Z', null],
    ['2026-11-22T17:55:00Z', '5 minutes ago'],
    ['2026-11-22T15:00:00Z', '3 hours ago'],
    ['2026-11-21T17:00:00Z', 'yesterday'],
  ])('%s', (iso, text) => {
    expect(ago(iso, now)).toBe(text);
  });
});

it('writes shares and sizes', () => {
  expect(percent(6.66)).toBe('7 %');
  expect(pixelSize([512, 341])).toBe('512 × 341');
});
