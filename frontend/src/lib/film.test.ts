import { describe, expect, it } from 'vitest';
import { checkFilm, isFilm, takesFilms, type MeasureFilm } from './film';
import { WrongFile } from './files';
import { DOCUMENT } from './fixtures';

const MP4 = '\0\0\0\x20ftypisom';
const plays =
  (seconds: number, width = 64): MeasureFilm =>
  () =>
    Promise.resolve({ size: [width, 48], seconds });

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
    expect(await checkFilm(film(), DOCUMENT, plays(3))).toEqual({ size: [64, 48], seconds: 3 });
    expect(await checkFilm(film(), DOCUMENT, plays(Infinity))).toEqual({ size: [64, 48], seconds: null });
  });

  it('that the browser cannot play are left to the server', async () => {
    expect(await checkFilm(film(), DOCUMENT, () => Promise.resolve(null))).toEqual({ size: null, seconds: null });
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
