import { describe, expect, it } from 'vitest';
import { checkFilm, isFilm, placeOf, rateBetween, takesFilms, type MeasureFilm } from './film';
import { WrongFile } from './files';
import { DOCUMENT } from './fixtures';

const MP4 = '\0\0\0\x20ftypisom';
const plays =
  (seconds: number, width = 64, rate: number | null = null): MeasureFilm =>
  () =>
    Promise.resolve({ size: [width, 48], seconds, rate });

const film = (name = 'a.mp4', bytes = 100) => new File([MP4, 'x'.repeat(bytes)], name, { type: 'video/mp4' });

describe('films', () => {
  it('are known by their first bytes, or by the browser', async () => {
    expect(await isFilm(film(), DOCUMENT)).toBe(true);
    expect(await isFilm(new File([new Uint8Array([0x1a, 0x45, 0xdf, 0xa3])], 'a.jpg'), DOCUMENT)).toBe(true);
    expect(await isFilm(new File([new Uint8Array([0x47, 0, 200])], 'a.ts', { type: 'video/mp2t' }), DOCUMENT)).toBe(true);
    expect(await isFilm(new File([new Uint8Array([0x47, 0, 200])], 'a.bin'), DOCUMENT)).toBe(false);
    expect(await isFilm(new File([new Uint8Array([0xff, 0xd8, 0xff])], 'a.mp4', { type: 'video/mp4' }), DOCUMENT)).toBe(false);
  });

  it('are taken where the server has a limit above 0', () => {
    expect(takesFilms(DOCUMENT)).toBe(true);
    expect(takesFilms({ ...DOCUMENT, limits: { ...DOCUMENT.limits, max_film_frames: 0 } })).toBe(false);
    expect(takesFilms(null)).toBe(false);
  });

  it('have a size and a length', async () => {
    expect(await checkFilm(film(), DOCUMENT, plays(3))).toEqual({ size: [64, 48], seconds: 3, frames: 90 });
    expect(await checkFilm(film(), DOCUMENT, plays(3, 64, 10))).toEqual({ size: [64, 48], seconds: 3, frames: 30 });
    expect(await checkFilm(film(), DOCUMENT, plays(Infinity))).toEqual({ size: [64, 48], seconds: null, frames: null });
  });

  it.each([
    [[0, 0.1, 0.2, 0.3], 10],
    [[0, 0.04, 0.08, 0.16, 0.2], 25],
    [[0, 0, 0.5, 1], 2],
    [[0, 0.1], null],
    [[], null],
  ])('have the rate of most of their first frames: %j', (times, rate) => {
    if (rate === null) expect(rateBetween(times)).toBeNull();
    else expect(rateBetween(times)).toBeCloseTo(rate);
  });

  it('are painted forward and backward in turn', () => {
    expect([1, 4, 5, 8, 9, 12].map((painting) => placeOf(painting, 4))).toEqual([
      { pass: 1, frame: 1 },
      { pass: 1, frame: 4 },
      { pass: 2, frame: 4 },
      { pass: 2, frame: 1 },
      { pass: 3, frame: 1 },
      { pass: 3, frame: 4 },
    ]);
  });

  it('that the browser cannot play are left to the server', async () => {
    expect(await checkFilm(film(), DOCUMENT, () => Promise.resolve(null))).toEqual({ size: null, seconds: null, frames: null });
  });

  it.each([
    [film('long.mp4'), plays(12), 'long.mp4 is 12 s long; 10 s are the most'],
    [film('song.m4a'), plays(3, 0), 'song.m4a has sound and no picture'],
    [film('large.mp4', 600_000), plays(3), '500 kB are the most'],
  ])('beyond a limit are refused before the upload: %#', async (file, measure, sentence) => {
    await expect(checkFilm(file, DOCUMENT, measure)).rejects.toThrow(WrongFile);
    await expect(checkFilm(file, DOCUMENT, measure)).rejects.toThrow(sentence);
  });
});
