/** Films that people choose: what they are, found out before anything is uploaded. */

import { texts } from '../texts';
import { formatOf, WrongFile } from './files';
import type { OptionsDocument, Size } from './types';

export interface FilmFile {
  /** Null where the browser cannot play the film. */
  size: Size | null;
  seconds: number | null;
}

/** What the browser says of a film; null if it cannot play it. */
export type MeasureFilm = (file: Blob) => Promise<{ size: Size; seconds: number } | null>;

export const measureFilm: MeasureFilm = async (file) => {
  const url = URL.createObjectURL(file);
  const video = document.createElement('video');
  video.preload = 'metadata';
  try {
    await new Promise((resolve, reject) => {
      video.onloadedmetadata = resolve;
      video.onerror = reject;
      video.src = url;
    });
    return { size: [video.videoWidth, video.videoHeight], seconds: video.duration };
  } catch {
    return null;
  } finally {
    video.removeAttribute('src');
    URL.revokeObjectURL(url);
  }
};

export const takesFilms = (document: OptionsDocument | null) => (document?.limits.max_film_frames ?? 0) > 0;

/** By the first bytes; kinds that they do not tell, as transport streams, by the browser's word. */
export async function isFilm(file: File, document: OptionsDocument): Promise<boolean> {
  const format = formatOf(new Uint8Array(await file.slice(0, 1024).arrayBuffer()), document.brands);
  return format === 'video' || (format === 'unknown' && file.type.startsWith('video/'));
}

/** What the browser cannot play, the server judges. Raises WrongFile. */
export async function checkFilm(
  file: File,
  { limits }: OptionsDocument,
  measure: MeasureFilm = measureFilm,
): Promise<FilmFile> {
  const { wrongFile } = texts;
  const most = Math.min(limits.max_film_bytes, limits.max_upload_bytes);
  if (file.size > most) throw new WrongFile(wrongFile.filmBytes(file.name, file.size, most));
  const found = await measure(file);
  if (!found) return { size: null, seconds: null };
  if (found.size[0] === 0) throw new WrongFile(wrongFile.song(file.name));
  const seconds = Number.isFinite(found.seconds) ? found.seconds : null;
  if (seconds !== null && seconds > limits.max_film_seconds) {
    throw new WrongFile(wrongFile.filmSeconds(file.name, seconds, limits.max_film_seconds));
  }
  return { size: found.size, seconds };
}
