/** Checks of a chosen film before anything is uploaded. */

import { texts } from '../texts';
import { formatOf, WrongFile } from './files';
import type { OptionsDocument, Size } from './types';

export interface FilmFile {
  /** Width and height in pixels; null if the browser cannot play the film. */
  size: Size | null;
  seconds: number | null;
  /** Estimated number of frames, length × frame rate; null if the length is unknown. */
  frames: number | null;
}

/** Reads size (pixels), length (seconds) and rate (frames per second) of a film; null if the browser cannot play it. */
export type MeasureFilm = (file: Blob) => Promise<{ size: Size; seconds: number; rate: number | null } | null>;

/** Assumed frame rate of a film whose rate is unknown, in frames per second. */
const USUAL_RATE = 30;

/** Maximum time for which a film is played, hidden and muted, to measure its frame rate, in milliseconds. */
const LOOK_MS = 700;
const LOOK_FRAMES = 12;

export const measureFilm: MeasureFilm = async (file) => {
  const url = URL.createObjectURL(file);
  const video = document.createElement('video');
  video.preload = 'auto';
  video.muted = true;
  try {
    await new Promise((resolve, reject) => {
      video.onloadedmetadata = resolve;
      video.onerror = reject;
      video.src = url;
    });
    return { size: [video.videoWidth, video.videoHeight], seconds: video.duration, rate: await rateOf(video) };
  } catch {
    return null;
  } finally {
    video.removeAttribute('src');
    URL.revokeObjectURL(url);
  }
};

/** Measures the median frame rate of the first frames that the browser shows; null if it shows too few of them. */
async function rateOf(video: HTMLVideoElement): Promise<number | null> {
  if (!('requestVideoFrameCallback' in video)) return null;
  const times: number[] = [];
  await new Promise<void>((resolve) => {
    const look: VideoFrameRequestCallback = (_, { mediaTime }) => {
      times.push(mediaTime);
      if (times.length < LOOK_FRAMES) video.requestVideoFrameCallback(look);
      else resolve();
    };
    video.requestVideoFrameCallback(look);
    video.onended = () => {
      resolve();
    };
    setTimeout(resolve, LOOK_MS);
    video.play().catch(() => {
      resolve();
    });
  });
  video.pause();
  return rateBetween(times);
}

/** Returns the median rate (frames per second) of frames at these times, in seconds; null for fewer than two steps. */
export function rateBetween(times: number[]): number | null {
  const steps = times
    .slice(1)
    .map((time, index) => time - (times[index] ?? 0))
    .filter((step) => step > 0)
    .sort((a, b) => a - b);
  const usual = steps[Math.floor(steps.length / 2)];
  return steps.length < 2 || usual === undefined ? null : 1 / usual;
}

export interface Place {
  pass: number;
  frame: number;
}

/** Returns pass and frame, both counted from 1, of the painting with this number; every second pass goes backward. */
export function placeOf(painting: number, frames: number): Place {
  const pass = Math.max(1, Math.ceil(painting / frames));
  const place = painting - (pass - 1) * frames;
  return { pass, frame: pass % 2 ? place : frames + 1 - place };
}

export const takesFilms = (document: OptionsDocument | null) => (document?.limits.max_film_frames ?? 0) > 0;

/** Detects a film by its first bytes; if they are inconclusive, as for transport streams, by the browser's type. */
export async function isFilm(file: File, document: OptionsDocument): Promise<boolean> {
  const format = formatOf(new Uint8Array(await file.slice(0, 1024).arrayBuffer()), document.brands);
  return format === 'video' || (format === 'unknown' && file.type.startsWith('video/'));
}

/** Checks a film against the limits; the server checks a film that the browser cannot play. Raises WrongFile. */
export async function checkFilm(
  file: File,
  { limits }: OptionsDocument,
  measure: MeasureFilm = measureFilm,
): Promise<FilmFile> {
  const { wrongFile } = texts;
  const most = Math.min(limits.max_film_bytes, limits.max_upload_bytes);
  if (file.size > most) throw new WrongFile(wrongFile.filmBytes(file.name, file.size, most));
  const found = await measure(file);
  if (!found) return { size: null, seconds: null, frames: null };
  if (found.size[0] === 0) throw new WrongFile(wrongFile.song(file.name));
  const seconds = Number.isFinite(found.seconds) ? found.seconds : null;
  if (seconds !== null && seconds > limits.max_film_seconds) {
    throw new WrongFile(wrongFile.filmSeconds(file.name, seconds, limits.max_film_seconds));
  }
  const frames = seconds === null ? null : Math.max(1, Math.round(seconds * (found.rate ?? USUAL_RATE)));
  return { size: found.size, seconds, frames };
}
